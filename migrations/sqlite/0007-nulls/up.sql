-- What is not there is NULL, and a size is in bytes.

-- The text of a Translation-en was counted in units of 16 bytes. Its size stays rounded up to them: the same text has
-- the same size, whichever build recorded it.
ALTER TABLE package ADD COLUMN text_bytes INTEGER;
UPDATE package SET text_bytes = text_units * 16 WHERE text_units IS NOT NULL;
ALTER TABLE package DROP COLUMN text_units;

-- A suite has one head; the ring was always ''.
CREATE TABLE head_of_suite (
    suite_id INTEGER NOT NULL PRIMARY KEY REFERENCES suite (id),
    generation INTEGER NOT NULL,
    dated_at INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    release TEXT NOT NULL,
    release_gpg TEXT NOT NULL,
    in_release TEXT NOT NULL
) STRICT;
INSERT INTO head_of_suite
    SELECT suite_id, generation, dated_at, valid_until, release, release_gpg, in_release
    FROM head WHERE ring = '';
DROP TABLE head;
ALTER TABLE head_of_suite RENAME TO head;

-- `reason` is NULL until the certificate is revoked.
CREATE TABLE certificate_with_reason (
    serial TEXT NOT NULL PRIMARY KEY,
    identity TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    issued_by TEXT NOT NULL,
    not_after INTEGER NOT NULL,
    revoked_at INTEGER,
    reason TEXT
) STRICT;
INSERT INTO certificate_with_reason
    SELECT serial, identity, issued_at, issued_by, not_after, revoked_at,
        CASE WHEN revoked_at IS NOT NULL THEN reason END
    FROM certificate;
DROP TABLE certificate;
ALTER TABLE certificate_with_reason RENAME TO certificate;
CREATE INDEX certificate_identity ON certificate (identity);

-- The keyring of signing keys as far as the log has recorded it: one row, one key a line. The columns from
-- `identity` on are NULL but while somebody changes the keyring: who, why, and what else the entry is to say.
CREATE TABLE audit_keyring_now (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    key_lines TEXT NOT NULL,
    identity TEXT,
    serial TEXT,
    message TEXT,
    remark TEXT
) STRICT;
INSERT INTO audit_keyring_now
    SELECT id, key_lines,
        CASE WHEN begun THEN identity END, CASE WHEN begun THEN serial END,
        CASE WHEN begun THEN message END, CASE WHEN begun THEN remark END
    FROM audit_keyring;
DROP TABLE audit_keyring;
ALTER TABLE audit_keyring_now RENAME TO audit_keyring;
