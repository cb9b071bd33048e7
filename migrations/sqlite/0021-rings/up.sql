-- Rollouts: changes on their way through the rings of a suite, what they bring, and which rings they reached with
-- which generation.
CREATE TABLE rollout (
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    number INTEGER NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (suite_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX rollout_open ON rollout (suite_id) WHERE state NOT IN ('done', 'aborted');

CREATE TABLE rollout_package (
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    number INTEGER NOT NULL,
    package_id INTEGER NOT NULL REFERENCES package (id),
    component TEXT NOT NULL,
    PRIMARY KEY (suite_id, number, package_id, component)
) STRICT, WITHOUT ROWID;
CREATE INDEX rollout_package_id ON rollout_package (package_id);

CREATE TABLE rollout_ring (
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    number INTEGER NOT NULL,
    ring INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    reached_at INTEGER NOT NULL,
    PRIMARY KEY (suite_id, number, ring)
) STRICT, WITHOUT ROWID;

-- What rings are served that are offered something else than everybody. Date and generation are those of `head`.
CREATE TABLE ring_head (
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    ring INTEGER NOT NULL,
    release TEXT NOT NULL,
    release_gpg TEXT NOT NULL,
    in_release TEXT NOT NULL,
    PRIMARY KEY (suite_id, ring)
) STRICT, WITHOUT ROWID;

-- The ring that a file is for; NULL for everybody's. Intervals of everybody's files and of each ring's are apart.
ALTER TABLE index_file ADD COLUMN ring INTEGER;
DROP INDEX index_file_live;
CREATE UNIQUE INDEX index_file_live ON index_file (suite_id, path)
    WHERE until_generation IS NULL AND ring IS NULL;
CREATE UNIQUE INDEX index_file_ring_live ON index_file (suite_id, ring, path)
    WHERE until_generation IS NULL AND ring IS NOT NULL;
