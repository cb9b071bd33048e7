-- What the removed suite was: hosts that followed it stop at another Origin or Label under its name.
ALTER TABLE departed_suite ADD COLUMN spec TEXT;
