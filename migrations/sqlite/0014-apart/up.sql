-- `repoctl` is held by its own name alone: what a pin of its source held, and what was withdrawn with its source,
-- stays so by rows of its own.
INSERT OR IGNORE INTO pin (suite_id, kind, name, version, author, message, pinned_at, ends_at)
SELECT p.suite_id, 'binary', 'repoctl',
    -- At what is listed; NULL where the pin kept it out.
    (SELECT k.version FROM membership m JOIN package k ON k.id = m.package_id
        WHERE m.suite_id = p.suite_id AND m.until_generation IS NULL AND k.name = 'repoctl' AND k.source = p.name
        ORDER BY k.source_version IS p.version DESC, m.from_generation DESC LIMIT 1),
    p.author, p.message, p.pinned_at, p.ends_at
FROM pin p
WHERE p.kind = 'source' AND EXISTS (SELECT 1 FROM acceptance a JOIN package k ON k.id = a.package_id
    WHERE a.suite_id = p.suite_id AND k.name = 'repoctl' AND k.source = p.name);

INSERT OR IGNORE INTO withdrawn (suite_id, kind, name, version)
SELECT w.suite_id, 'binary', 'repoctl', k.version
FROM withdrawn w
JOIN package k ON k.name = 'repoctl' AND k.source = w.name AND k.source_version = w.version
JOIN acceptance a ON a.package_id = k.id AND a.suite_id = w.suite_id
WHERE w.kind = 'source' AND NOT EXISTS (SELECT 1 FROM membership m
    WHERE m.package_id = k.id AND m.suite_id = w.suite_id AND m.until_generation IS NULL);
