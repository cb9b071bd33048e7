//! An image whose symbolic links lead out of it: nothing is written, read or removed there.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

/// Every file below a directory, with its text.
fn listing(folder: &Path) -> Vec<(String, String)> {
    let mut found: Vec<_> = walk(folder).into_iter().collect();
    found.sort();
    found
}

fn walk(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => [vec![(path.display().to_string(), "/".into())], walk(&path)].concat(),
            false => vec![(path.display().to_string(), std::fs::read_to_string(&path).unwrap())],
        })
        .collect()
}

/// A machine that is not to be touched, with what an image may be led to.
fn outside() -> tempfile::TempDir {
    let outside = tempfile::Builder::new().prefix("outside-").tempdir().unwrap();
    for folder in
        ["apt/apt.conf.d", "apt/sources.list.d", "local/sbin", "units", "certificates/kept"]
    {
        std::fs::create_dir_all(outside.path().join(folder)).unwrap();
    }
    for file in
        ["lock", "certificates/kept/client.key", "apt/apt.conf.d/60repod-repo.example.org-x"]
    {
        std::fs::write(outside.path().join(file), "of another machine\n").unwrap();
    }
    outside
}

#[test]
fn links_of_an_image_lead_nowhere_out_of_it() {
    let server = TestServer::start();
    let (outside, root) = (outside(), empty_root());
    let before = listing(outside.path());
    let at = |path: &str| root.path().join(path);
    for folder in ["etc/systemd/system", "usr"] {
        std::fs::create_dir_all(at(folder)).unwrap();
    }
    // One that is absolute, and two that climb.
    let up = |path: &str| Path::new("../../../../../../../..").join(path.trim_start_matches('/'));
    let shown = outside.path().display().to_string();
    symlink(outside.path().join("apt"), at("etc/apt")).unwrap();
    symlink(up(&format!("{shown}/local")), at("usr/local")).unwrap();
    symlink(up(&format!("{shown}/units")), at("etc/systemd/system/timers.target.wants")).unwrap();

    let token = token(&server, NAME, &[]);
    on_host(root.path(), &["enroll", "--upgrade-every", "1h", &token]).run().expect_success();
    assert_eq!(listing(outside.path()), before, "enroll wrote outside of the image");
    for command in [&["renew", "--force"][..], &["refresh", "--force"], &["refresh"]] {
        on_host(root.path(), command).run().expect_success();
        assert_eq!(listing(outside.path()), before, "{command:?} wrote outside of the image");
    }
    // The links mean what they mean to the machine of the image, where all of it is.
    let inside = at(shown.trim_start_matches('/'));
    for file in [
        "apt/repod/repo.example.org/client.key",
        "apt/repod/repo.example.org/ca.crt",
        "apt/repod/written.json",
        "apt/sources.list.d/repod-repo.example.org-stable.sources",
        "local/sbin/repod-upgrade",
    ] {
        assert!(inside.join(file).is_file(), "{file}");
    }
    for timer in ["repod-renew.timer", "repod-upgrade.timer"] {
        let link = std::fs::read_link(inside.join("units").join(timer)).unwrap();
        assert_eq!(link, Path::new("..").join(timer));
    }
}

#[test]
fn what_repoctl_keeps_in_an_image_leads_nowhere_out_of_it() {
    let server = TestServer::start();
    let (outside, root) = (outside(), empty_root());
    let before = listing(outside.path());
    let own = root.path().join(OWN);
    std::fs::create_dir_all(&own).unwrap();
    symlink(outside.path().join("certificates"), own.join("certificates")).unwrap();
    symlink(outside.path().join("lock"), own.join("ca.crt")).unwrap();
    symlink(outside.path().join("lock"), own.join("current")).unwrap();
    enroll(root.path(), &token(&server, NAME, &[])).expect_success();
    on_host(root.path(), &["renew", "--force"]).run().expect_success();
    assert_eq!(listing(outside.path()), before);
    let inside = root.path().join(outside.path().strip_prefix("/").unwrap());
    assert_eq!(std::fs::read_dir(inside.join("certificates")).unwrap().count(), 2);

    // A lock that is a link is not opened, wherever it leads.
    let missing = outside.path().join("missing");
    for folder in [own.as_path(), own.parent().unwrap()] {
        let lock = folder.join("lock");
        std::fs::remove_file(&lock).unwrap();
        symlink(&missing, &lock).unwrap();
        let told = on_host(root.path(), &["refresh"]).run();
        assert_eq!(told.code, 1, "{told}");
        assert!(told.stderr.contains("symbolic link") && !missing.exists(), "{told}");
        std::fs::remove_file(&lock).unwrap();
    }
}
