-- Versions that no suite of a namespace offers, by source or binary name.
CREATE TABLE yank (
    namespace TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    yanked_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, kind, name, version)
) STRICT, WITHOUT ROWID;
