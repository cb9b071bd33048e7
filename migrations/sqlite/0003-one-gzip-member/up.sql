-- Gzip files become one member each. A chunk has a run of deflate blocks, with the CRC-32 of what it unpacks to,
-- where it had a gzip member. What was published keeps its members; such a chunk gets a run once a new file needs
-- it, in a pack of its own.
--
-- What a chunk has not is NULL from now on: before, stanzas that were kept compressed alone were said to begin
-- where the member does, and no member was one of no bytes.
CREATE TABLE chunk_with_runs (
    id INTEGER PRIMARY KEY,
    chunk_key TEXT NOT NULL UNIQUE,
    pack TEXT NOT NULL,
    plain_offset INTEGER,
    plain_bytes INTEGER NOT NULL,
    plain_lines INTEGER NOT NULL,
    member_offset INTEGER,
    member_bytes INTEGER,
    run_pack TEXT,
    run_offset INTEGER,
    run_bytes INTEGER,
    run_crc32 INTEGER,
    xz_pack TEXT,
    xz_offset INTEGER,
    xz_bytes INTEGER,
    xz_unpadded_bytes INTEGER
) STRICT;
INSERT INTO chunk_with_runs (id, chunk_key, pack, plain_offset, plain_bytes, plain_lines, member_offset,
        member_bytes, xz_pack, xz_offset, xz_bytes, xz_unpadded_bytes)
    SELECT id, chunk_key, pack,
        CASE WHEN gz_bytes > 0 AND plain_offset = gz_offset THEN NULL ELSE plain_offset END,
        plain_bytes, plain_lines,
        CASE WHEN gz_bytes > 0 THEN gz_offset END,
        CASE WHEN gz_bytes > 0 THEN gz_bytes END,
        xz_pack, xz_offset, xz_bytes, xz_unpadded_bytes
    FROM chunk ORDER BY id;
DROP TABLE chunk;
ALTER TABLE chunk_with_runs RENAME TO chunk;

-- `index_file.encoding` is the form of a file: 'plain', 'xz', 'gzip' (one member, of the chunks' runs), or
-- 'members' (gzip, one member for each chunk), which is all that there was of gzip before.
UPDATE index_file SET encoding = 'members' WHERE encoding = 'gz';
