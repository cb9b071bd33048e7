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

-- The index files of such rings, as `index_file` has those of everybody.
CREATE TABLE ring_index_file (
    id INTEGER PRIMARY KEY,
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    ring INTEGER NOT NULL,
    path TEXT NOT NULL,
    encoding TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    digest TEXT NOT NULL,
    rope_id INTEGER NOT NULL REFERENCES rope (id),
    from_generation INTEGER NOT NULL,
    until_generation INTEGER
) STRICT;
CREATE UNIQUE INDEX ring_index_file_live ON ring_index_file (suite_id, ring, path)
    WHERE until_generation IS NULL;
CREATE INDEX ring_index_file_path ON ring_index_file (suite_id, ring, path, from_generation);
CREATE INDEX ring_index_file_digest ON ring_index_file (digest, suite_id);
