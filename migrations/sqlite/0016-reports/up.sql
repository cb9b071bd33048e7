-- A package in a version, as hosts report it: NAME ARCHITECTURE VERSION [SOURCE [SOURCE_VERSION]]. All hosts that
-- have it share the row. The text begins with the name, so that the index of UNIQUE finds a name.
CREATE TABLE reported_package (
    id INTEGER PRIMARY KEY,
    line TEXT NOT NULL UNIQUE
) STRICT;

-- The last report of each host. `packages` are ids of `reported_package` (src/domain/inventory/id_list.rs).
-- Empty texts are not known; `services` has blanks between.
CREATE TABLE host_report (
    id INTEGER PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE,
    number INTEGER NOT NULL,
    set_hash TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    packages BLOB NOT NULL,
    os TEXT NOT NULL,
    os_version TEXT NOT NULL,
    os_codename TEXT NOT NULL,
    kernel TEXT NOT NULL,
    kernel_expected TEXT NOT NULL,
    is_reboot_needed INTEGER NOT NULL,
    services TEXT NOT NULL,
    apt_at INTEGER,
    apt_error TEXT NOT NULL,
    unreadable INTEGER NOT NULL
) STRICT;
