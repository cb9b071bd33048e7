-- The least number of a suite's next generation: others were given out before an earlier state was restored.
ALTER TABLE suite ADD COLUMN next_generation INTEGER NOT NULL DEFAULT 0;

-- When the catalogue was set back to an earlier state. `taken_at` is when that state was copied; NULL when nobody
-- said. `is_complete` is 1 when all that was accepted after it is known. `is_told` is 1 once the audit log has it.
CREATE TABLE restoration (
    id INTEGER PRIMARY KEY,
    restored_at INTEGER NOT NULL,
    taken_at INTEGER,
    is_complete INTEGER NOT NULL,
    is_told INTEGER NOT NULL,
    acknowledged_at INTEGER
) STRICT;

-- What was accepted after the state that was restored, as far as it is known. A package that is only known by its
-- file has no suite, no author and no time.
CREATE TABLE lost_upload (
    restoration_id INTEGER NOT NULL REFERENCES restoration (id),
    suite TEXT NOT NULL,
    digest TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    architecture TEXT NOT NULL,
    author TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    PRIMARY KEY (restoration_id, suite, digest)
) STRICT, WITHOUT ROWID;
