-- A suite may list several versions of a name and architecture, each once. Name, architecture and version belong to
-- one package (`package_accepted`), so each package once is each version once.
DROP INDEX membership_live;
CREATE UNIQUE INDEX membership_live ON membership (suite_id, component, package_id)
    WHERE until_generation IS NULL;
