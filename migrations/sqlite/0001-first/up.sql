-- The first schema. Times are whole seconds since 1970, digests lower-case hexadecimal text.
-- An interval runs from `from_generation` up to, but without, `until_generation`; NULL there
-- means that it has not ended.

PRAGMA application_id = 1919250543;

CREATE TABLE package (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    architecture TEXT NOT NULL,
    source TEXT NOT NULL,
    source_version TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    stanza_bytes INTEGER NOT NULL,
    stanza_digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- Which text a Translation-en has of it, and how long that is in units of 16 bytes; NULL when it has none.
    text_mark TEXT,
    text_units INTEGER,
    sent_by TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    accepted INTEGER NOT NULL DEFAULT 0
) STRICT;
-- Once some suite took a package, its name, version and architecture belong to its bytes.
CREATE UNIQUE INDEX package_accepted ON package (name, version, architecture) WHERE accepted = 1;
CREATE INDEX package_source ON package (source);
CREATE INDEX package_staged ON package (sent_at) WHERE accepted = 0;

-- Apart from `package`, so that loading a suite never touches the pages of its stanzas.
CREATE TABLE stanza (
    package_id INTEGER NOT NULL PRIMARY KEY REFERENCES package (id) ON DELETE CASCADE,
    stanza TEXT NOT NULL
) STRICT;

-- The paths that a package installs, packed (`debian::file_list`). Too many of them are not kept.
CREATE TABLE file_list (
    package_id INTEGER NOT NULL PRIMARY KEY REFERENCES package (id) ON DELETE CASCADE,
    paths BLOB NOT NULL
) STRICT;

-- Who has sent the bytes again, after `package.sent_by`: for them all, and for who may read them, they need not be
-- sent once more.
CREATE TABLE sender (
    package_id INTEGER NOT NULL REFERENCES package (id) ON DELETE CASCADE,
    identity TEXT NOT NULL,
    PRIMARY KEY (package_id, identity)
) STRICT, WITHOUT ROWID;

CREATE TABLE suite (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    spec TEXT NOT NULL,
    last_generation INTEGER NOT NULL DEFAULT 0,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Below which Date a suite that takes up a removed suite's name may not start.
CREATE TABLE departed_suite (
    name TEXT NOT NULL PRIMARY KEY,
    dated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE acceptance (
    package_id INTEGER NOT NULL REFERENCES package (id),
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    component TEXT NOT NULL,
    author TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    PRIMARY KEY (package_id, suite_id, component)
) STRICT, WITHOUT ROWID;
CREATE INDEX acceptance_suite ON acceptance (suite_id);

-- Name and architecture are repeated here so that the database itself keeps one package a place.
CREATE TABLE membership (
    package_id INTEGER NOT NULL REFERENCES package (id),
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    component TEXT NOT NULL,
    name TEXT NOT NULL,
    architecture TEXT NOT NULL,
    from_generation INTEGER NOT NULL,
    until_generation INTEGER,
    PRIMARY KEY (package_id, suite_id, component, from_generation)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX membership_live ON membership (suite_id, component, name, architecture)
    WHERE until_generation IS NULL;
-- Led by the end, so that what is live is found without walking through all that ever was.
CREATE INDEX membership_interval ON membership (suite_id, until_generation, from_generation);

CREATE TABLE generation (
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    number INTEGER NOT NULL,
    published_at INTEGER NOT NULL,
    authors TEXT NOT NULL,
    message TEXT NOT NULL,
    same_as INTEGER,
    entered_count INTEGER NOT NULL,
    left_count INTEGER NOT NULL,
    PRIMARY KEY (suite_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE head (
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    ring TEXT NOT NULL,
    generation INTEGER NOT NULL,
    dated_at INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    release TEXT NOT NULL,
    release_gpg TEXT NOT NULL,
    in_release TEXT NOT NULL,
    PRIMARY KEY (suite_id, ring)
) STRICT;

-- Earlier generations that were signed once more because somebody asked for them. `signed_by` are the
-- fingerprints of the keys, so that a new key signs anew what an old one had signed.
CREATE TABLE snapshot (
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    generation INTEGER NOT NULL,
    signed_at INTEGER NOT NULL,
    signed_by TEXT NOT NULL,
    release TEXT NOT NULL,
    release_gpg TEXT NOT NULL,
    in_release TEXT NOT NULL,
    PRIMARY KEY (suite_id, generation)
) STRICT;

CREATE TABLE pin (
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT,
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    pinned_at INTEGER NOT NULL,
    ends_at INTEGER,
    PRIMARY KEY (suite_id, kind, name)
) STRICT;

CREATE TABLE fled (
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (suite_id, kind, name, version)
) STRICT;

-- A pack holds the stanzas and the gzip member of a chunk; its xz block may come later, in a pack of
-- its own. Until then the last four columns are NULL.
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    chunk_key TEXT NOT NULL UNIQUE,
    pack TEXT NOT NULL,
    plain_offset INTEGER NOT NULL,
    plain_bytes INTEGER NOT NULL,
    plain_lines INTEGER NOT NULL,
    gz_offset INTEGER NOT NULL,
    gz_bytes INTEGER NOT NULL,
    xz_pack TEXT,
    xz_offset INTEGER,
    xz_bytes INTEGER,
    xz_unpadded_bytes INTEGER
) STRICT;

-- A list of chunks: `chunk_ids` holds their ids, 8 bytes each, big end first. `rope_key` is the
-- SHA-256 over the chunks' keys. The encodings of one index share a rope, and so do generations.
CREATE TABLE rope (
    id INTEGER PRIMARY KEY,
    rope_key TEXT NOT NULL UNIQUE,
    chunk_ids BLOB NOT NULL
) STRICT;

-- `made_of` is the generation that a file was made of which may lag behind those that list it.
-- What a generation lists can grow while it is live: files that take long to make follow in a head that
-- is signed again. One that was replaced by then has an empty interval, and is still found by its digest.
CREATE TABLE index_file (
    id INTEGER PRIMARY KEY,
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    path TEXT NOT NULL,
    encoding TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    digest TEXT NOT NULL,
    rope_id INTEGER NOT NULL REFERENCES rope (id),
    listed INTEGER NOT NULL,
    made_of INTEGER,
    from_generation INTEGER NOT NULL,
    until_generation INTEGER
) STRICT;
CREATE UNIQUE INDEX index_file_live ON index_file (suite_id, path) WHERE until_generation IS NULL;
CREATE INDEX index_file_path ON index_file (suite_id, path, from_generation);
CREATE INDEX index_file_interval ON index_file (suite_id, until_generation);
-- Both columns, so that no index on the suite alone looks as good.
CREATE INDEX index_file_digest ON index_file (digest, suite_id);

CREATE TABLE access_grant (
    identity TEXT NOT NULL PRIMARY KEY,
    role TEXT NOT NULL,
    suites TEXT NOT NULL,
    granted_by TEXT NOT NULL,
    granted_at INTEGER NOT NULL
) STRICT;

-- Named sets of identities; a member is an identity or a pattern of identities.
CREATE TABLE access_group (
    name TEXT NOT NULL PRIMARY KEY,
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;

CREATE TABLE access_member (
    group_name TEXT NOT NULL REFERENCES access_group (name) ON DELETE CASCADE,
    member TEXT NOT NULL,
    PRIMARY KEY (group_name, member)
) STRICT, WITHOUT ROWID;

-- What is given beside an identity's own grant: the whole of it as JSON, in its one spelling.
CREATE TABLE access_rule (
    rule TEXT NOT NULL PRIMARY KEY,
    granted_by TEXT NOT NULL,
    granted_at INTEGER NOT NULL
) STRICT;

-- Who was revoked: no group and no rule gives them anything until they are given a right again.
CREATE TABLE shut_out (
    identity TEXT NOT NULL PRIMARY KEY,
    shut_at INTEGER NOT NULL
) STRICT;

CREATE TABLE certificate (
    serial TEXT NOT NULL PRIMARY KEY,
    identity TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    issued_by TEXT NOT NULL,
    not_after INTEGER NOT NULL,
    revoked_at INTEGER,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX certificate_identity ON certificate (identity);

-- What lets a machine have the certificate of a host, once. `secret` is the SHA-256 of what the machine
-- shows; the columns from `used_at` on are NULL until it was used, by the key of that SHA-256.
CREATE TABLE enrolment_token (
    secret TEXT NOT NULL PRIMARY KEY,
    identity TEXT NOT NULL,
    host_grant TEXT NOT NULL,
    days INTEGER,
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    message TEXT NOT NULL,
    revoked_at INTEGER,
    used_at INTEGER,
    used_by_key TEXT,
    serial TEXT,
    certificate TEXT,
    not_after INTEGER
) STRICT;
CREATE INDEX enrolment_token_identity ON enrolment_token (identity);

CREATE TABLE sighting (
    identity TEXT NOT NULL,
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    seen_at INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (identity, suite_id)
) STRICT;

-- The audit log. Every entry's hash covers the one before, so that none can be altered, removed, swapped
-- or put in between unnoticed (docs/FORMATS.md). Texts that say nothing are empty, never NULL.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    identity TEXT NOT NULL,
    serial TEXT NOT NULL,
    verb TEXT NOT NULL,
    suite TEXT NOT NULL,
    detail TEXT NOT NULL,
    message TEXT NOT NULL,
    generation_before INTEGER,
    generation_after INTEGER,
    outcome TEXT NOT NULL,
    times INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;
CREATE TRIGGER audit_keeps BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;

-- Where the chain ends; one row. Whoever writes an entry holds it until the end of the transaction.
CREATE TABLE audit_end (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    entries INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;
INSERT INTO audit_end (id, entries, hash) VALUES
    (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- Signed statements of how far the chain went; `digest` is that of the text.
CREATE TABLE audit_checkpoint (
    entries INTEGER PRIMARY KEY,
    signed_at INTEGER NOT NULL,
    text TEXT NOT NULL,
    digest TEXT NOT NULL
) STRICT;

-- The ring of signing keys as far as the log tells of it: one row, one key a line. `wished` is 1 while
-- somebody changes the ring, which is a file: by whom, why, and what else the line is to say.
CREATE TABLE audit_ring (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    key_lines TEXT NOT NULL,
    wished INTEGER NOT NULL,
    identity TEXT NOT NULL,
    serial TEXT NOT NULL,
    message TEXT NOT NULL,
    remark TEXT NOT NULL
) STRICT;

-- Revocation lists that somebody delivers, until the log tells of them: at most one row. The lists themselves
-- are files. `list_lines` are the issuers and numbers, one list a line.
CREATE TABLE audit_delivery (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    list_lines TEXT NOT NULL,
    identity TEXT NOT NULL,
    serial TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;

-- What the server built for the hosts of a suite. `key_names` are fingerprints with blanks between;
-- `made_of` tells whether another one is due.
CREATE TABLE client_package (
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    made_of TEXT NOT NULL,
    key_names TEXT NOT NULL,
    built_at INTEGER NOT NULL,
    PRIMARY KEY (suite_id, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_package_digest ON client_package (digest);

-- The newest of them that a host has fetched.
CREATE TABLE client_sighting (
    identity TEXT NOT NULL,
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    version INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (identity, suite_id)
) STRICT;

-- The key ring that a host has read with its own settings, when it was enrolled. `key_names` as above.
CREATE TABLE ring_sighting (
    identity TEXT NOT NULL,
    suite_id INTEGER NOT NULL REFERENCES suite (id),
    key_names TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (identity, suite_id)
) STRICT;
