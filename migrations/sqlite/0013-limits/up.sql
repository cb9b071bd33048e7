-- What an identity's own grant is limited to, as JSON: `components` and `packages`. `{}` limits nothing, as every
-- grant was before.
ALTER TABLE access_grant ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
