-- The second names of suites: each is one suite's, and a suite has one at most. The name of a suite is never in here;
-- what is recorded sees to that in the transaction that names something.
CREATE TABLE suite_alias (
    name TEXT NOT NULL PRIMARY KEY,
    suite_id INTEGER NOT NULL UNIQUE REFERENCES suite (id)
) STRICT;
