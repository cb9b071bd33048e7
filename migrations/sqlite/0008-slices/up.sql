-- A large change is recorded in slices, which nobody sees before its generation is the suite's last one: rows that
-- begin with a later generation than `suite.last_generation` are not there yet, and ends beyond it have not come.
ALTER TABLE acceptance ADD COLUMN from_generation INTEGER NOT NULL DEFAULT 0;
DROP INDEX acceptance_suite;
-- What was recorded of a generation that did not come is found behind the last one.
CREATE INDEX acceptance_suite ON acceptance (suite_id, from_generation);

-- `package.accepted` is 2 when a slice took the package: it counts as taken once one of its acceptances does. Name,
-- version and architecture belong to its bytes from the slice on.
DROP INDEX package_accepted;
CREATE UNIQUE INDEX package_accepted ON package (name, version, architecture) WHERE accepted > 0;
