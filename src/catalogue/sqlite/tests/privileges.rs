//! Packages of earlier builds have the same privileges as packages that come now.

use super::*;
use crate::catalogue::NewPackage;
use crate::debian::{Control, Privilege};

#[test]
fn privileges_of_earlier_schemas_are_those_of_now() {
    let fields = [
        "",
        "Essential: yes\n",
        "Essential: Yes\nPhased-Update-Percentage: 10\n",
        "Important: YES\nEssential: no\n",
        "Protected: yes\nImportant: yes\nEssential: yes\nPhased-Update-Percentage: 0\n",
        "X-Essential: yes\nEssentials: yes\n",
    ];
    let (before, now) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut old = raw(&before);
    Migrations::from_slice(&MIGRATIONS[..10]).to_latest(&mut old).unwrap();
    let catalogue = open(&now).unwrap();
    let mut digests = Vec::new();
    for (number, fields) in (1i64..).zip(fields) {
        let name = format!("acme-{number}");
        let text = format!(
            "Package: {name}\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@example.org>\n{fields}\
             Description: x\n Essential: yes\n"
        );
        let control = Control::parse(text.as_bytes()).unwrap();
        let digest = Digest::of(name.as_bytes());
        let stanza = control.published("pool/acme.deb", 1, &digest);
        let sql = "INSERT INTO package (id, digest, name, version, architecture, source, source_version, \
            size_bytes, stanza_bytes, stanza_digest, kind, sent_by, sent_at) \
            VALUES (?1, ?2, ?3, '1', 'amd64', ?3, '1', 1, 1, ?2, 'deb', 'ci', 1)";
        old.execute(sql, (number, digest.to_string(), &name)).unwrap();
        old.execute("INSERT INTO stanza VALUES (?1, ?2)", (number, &stanza)).unwrap();
        let privileges = Privilege::of(control.stanza());
        let new = NewPackage::of(package(&name, digest), stanza, privileges, None);
        let by = Identity::parse("ci.example").unwrap();
        catalogue.record_packages(vec![new], &by, Moment(1)).unwrap();
        digests.push(digest);
    }
    drop(old);
    let migrated = open(&before).unwrap();
    let known = |catalogue: &SqliteCatalogue| -> Vec<_> {
        let records = catalogue.find_packages(&digests).unwrap();
        records.into_iter().map(|record| record.privileges).collect()
    };
    use Privilege::{Essential, PhasedUpdates, Protected};
    let wanted = vec![
        vec![],
        vec![Essential],
        vec![Essential, PhasedUpdates],
        vec![Protected],
        vec![Essential, Protected, PhasedUpdates],
        vec![],
    ];
    assert_eq!(known(&catalogue), wanted);
    assert_eq!(known(&migrated), wanted);
}
