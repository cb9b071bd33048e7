-- What the checks of a host said when it last ran them (HealthRun::to_text of src/domain/health.rs); empty when it
-- has reported none.
ALTER TABLE host_report ADD COLUMN health TEXT NOT NULL DEFAULT '';

-- What others said of a host in a suite. `line` is a CheckResult of src/domain/health.rs.
CREATE TABLE host_check (
    host TEXT NOT NULL,
    suite TEXT NOT NULL,
    name TEXT NOT NULL,
    reporter TEXT NOT NULL,
    line TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (host, suite, name, reporter)
) STRICT;

-- Hosts whose failures do not count until then.
CREATE TABLE health_ignored (
    host TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT;
