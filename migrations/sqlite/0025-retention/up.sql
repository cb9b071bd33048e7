-- A name, version and architecture belong to their bytes for ever, whether the bytes are kept or not. So a binding
-- has the digest itself; `package_id` is NULL once the package was removed.
CREATE TABLE binding_apart (
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    architecture TEXT NOT NULL,
    namespace TEXT NOT NULL,
    digest TEXT NOT NULL,
    package_id INTEGER REFERENCES package (id) ON DELETE SET NULL,
    by_slice INTEGER NOT NULL,
    PRIMARY KEY (name, version, architecture, namespace)
) STRICT, WITHOUT ROWID;
INSERT INTO binding_apart (name, version, architecture, namespace, digest, package_id, by_slice)
    SELECT b.name, b.version, b.architecture, b.namespace, p.digest, b.package_id, b.by_slice
    FROM binding AS b JOIN package AS p ON p.id = b.package_id
    ORDER BY b.name, b.version, b.architecture, b.namespace;
DROP TABLE binding;
ALTER TABLE binding_apart RENAME TO binding;
CREATE INDEX binding_package ON binding (package_id);

-- When a generation was dropped, which is for ever: its files are there for the grace, and its row stays.
ALTER TABLE generation ADD COLUMN dropped_at INTEGER;

-- When somebody last asked for a snapshot, by the day; NULL where that is `signed_at`.
ALTER TABLE snapshot ADD COLUMN asked_at INTEGER;

-- What nothing in a suite needs any more, since when. It is removed after the grace, unless it is needed again.
CREATE TABLE going (
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    package_id INTEGER NOT NULL REFERENCES package (id),
    component TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (suite_id, package_id, component)
) STRICT, WITHOUT ROWID;
CREATE INDEX going_package ON going (package_id);

-- A rope is removed with the last file that is made of it.
CREATE INDEX index_file_rope ON index_file (rope_id);
