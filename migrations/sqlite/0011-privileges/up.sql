-- What a package does to all hosts of a suite, in words with a space between them; NULL for nearly all, which do
-- nothing. Who adds many packages would else read each of their stanzas for three fields.
ALTER TABLE package ADD COLUMN privileges TEXT;

UPDATE package SET privileges = found.words
FROM (
    SELECT package_id, trim(
        CASE WHEN instr(stanza, char(10) || 'Essential: yes' || char(10)) > 0
            THEN 'essential ' ELSE '' END ||
        CASE WHEN instr(stanza, char(10) || 'Protected: yes' || char(10)) > 0
                OR instr(stanza, char(10) || 'Important: yes' || char(10)) > 0
            THEN 'protected ' ELSE '' END ||
        CASE WHEN instr(stanza, char(10) || 'Phased-Update-Percentage:') > 0
            THEN 'phased-updates' ELSE '' END) AS words
    FROM stanza) AS found
WHERE found.package_id = package.id AND found.words <> '';
