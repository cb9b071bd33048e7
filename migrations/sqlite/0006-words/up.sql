-- One word for one thing: a version is withdrawn, and keys are in a keyring; `ring` is for hosts.
ALTER TABLE fled RENAME TO withdrawn;
ALTER TABLE ring_sighting RENAME TO keyring_sighting;
ALTER TABLE audit_ring RENAME TO audit_keyring;
ALTER TABLE audit_keyring RENAME COLUMN wished TO begun;
