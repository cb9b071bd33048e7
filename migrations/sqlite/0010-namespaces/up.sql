-- A suite is in one namespace for ever.
ALTER TABLE suite ADD COLUMN namespace TEXT NOT NULL DEFAULT 'default';

-- Once some suite of a namespace took a package, its name, version and architecture belong to its bytes there. The
-- same bytes may be bound in several namespaces; other bytes of that version only where they are not. What a slice
-- bound (`by_slice` is 1) counts once a suite of the namespace has taken the package.
CREATE TABLE binding (
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    architecture TEXT NOT NULL,
    namespace TEXT NOT NULL,
    package_id INTEGER NOT NULL REFERENCES package (id),
    by_slice INTEGER NOT NULL,
    PRIMARY KEY (name, version, architecture, namespace)
) STRICT, WITHOUT ROWID;
CREATE INDEX binding_package ON binding (package_id);

-- All that was taken before is in the namespace of the suites that name none. `package.accepted` stays: whether any
-- namespace has it.
INSERT INTO binding (name, version, architecture, namespace, package_id, by_slice)
    SELECT name, version, architecture, 'default', id, CASE WHEN accepted = 2 THEN 1 ELSE 0 END
    FROM package WHERE accepted > 0
    ORDER BY name, version, architecture;
DROP INDEX package_accepted;

-- Whether hosts may have something from the removed suite. One that never took a package but the server's own may be
-- made again in another namespace; of those that are gone already nobody knows.
ALTER TABLE departed_suite ADD COLUMN has_taken INTEGER NOT NULL DEFAULT 1;
