-- Which names packages of a name depend on, provide or avoid, in any of their versions: whoever moves a name
-- finds those that may be concerned, however often they were uploaded. `kind` is 'depends' (Pre-Depends and
-- Depends), 'provides', or 'avoids' (Breaks and Conflicts).
CREATE TABLE mention (
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    by_name TEXT NOT NULL,
    PRIMARY KEY (name, kind, by_name)
) STRICT, WITHOUT ROWID;

-- What was recorded before. The fields stand as they were written: on one line, with ', ' between entries,
-- ' | ' between alternatives, and ':' or ' ' behind a name that has more to say.
INSERT OR IGNORE INTO mention (name, kind, by_name)
WITH
    field (kind, title) AS (VALUES
        ('depends', char(10) || 'Depends: '),
        ('depends', char(10) || 'Pre-Depends: '),
        ('provides', char(10) || 'Provides: '),
        ('avoids', char(10) || 'Breaks: '),
        ('avoids', char(10) || 'Conflicts: ')),
    found (kind, by_name, rest) AS (
        SELECT f.kind, p.name, substr(s.stanza, instr(s.stanza, f.title) + length(f.title))
        FROM stanza AS s JOIN package AS p ON p.id = s.package_id JOIN field AS f
        WHERE instr(s.stanza, f.title) > 0),
    listed (kind, by_name, list) AS (
        SELECT kind, by_name,
            '["' || replace(replace(substr(rest, 1, instr(rest, char(10)) - 1),
                ' | ', '","'), ', ', '","') || '"]'
        FROM found),
    one (kind, by_name, relation) AS (
        SELECT l.kind, l.by_name, j.value
        FROM listed AS l, json_each(CASE WHEN json_valid(l.list) THEN l.list ELSE '[]' END) AS j),
    word (kind, by_name, word) AS (
        SELECT kind, by_name, substr(relation, 1, instr(relation || ' ', ' ') - 1) FROM one)
SELECT DISTINCT substr(word, 1, instr(word || ':', ':') - 1), kind, by_name FROM word WHERE word <> '';
