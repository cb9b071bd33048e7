-- A suite that is held, since when, by whom and why; and what came meanwhile, which the release judges again.
CREATE TABLE hold (
    suite_id INTEGER PRIMARY KEY REFERENCES suite (id),
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    held_at INTEGER NOT NULL
) STRICT;

CREATE TABLE held_back (
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    package_id INTEGER NOT NULL REFERENCES package (id),
    component TEXT NOT NULL,
    PRIMARY KEY (suite_id, package_id, component)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_back_package ON held_back (package_id);
