-- Since when enough hosts of the last ring had what a rollout brings, and when a person last had it go on.
ALTER TABLE rollout ADD COLUMN met_at INTEGER;
ALTER TABLE rollout ADD COLUMN resumed_at INTEGER;
