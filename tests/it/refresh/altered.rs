//! What an administrator of the host has changed or removed.

use std::path::Path;

use super::{configuration, enrolled, grant, keys, preferences, refresh, server, sources, text};
use crate::harness::programs::Outcome;

#[test]
fn a_file_that_was_changed_is_left_alone_and_named() {
    let server = server();
    let host = enrolled(&server, "stable");
    let root: &Path = host.as_ref();
    let script = "/usr/local/sbin/repod-upgrade".to_owned();
    let paths = [configuration("stable"), preferences("stable"), sources("stable"), script];
    for path in &paths {
        let changed = format!("{}# by hand\n", text(&host, path));
        std::fs::write(host.path(path), changed).unwrap();
    }
    server.repoctl(&["suite", "edit", "stable", "--owns", "acme-*,more-*"]).expect_success();
    for args in [&["--dry-run"][..], &[], &[]] {
        let told = refresh(root, args).expect_success();
        for path in &paths {
            assert!(told.stdout.contains(&format!("note: {path} is not as")), "{told}");
        }
        assert_eq!(told.stdout.lines().count(), paths.len(), "{told}");
    }
    assert!(paths.iter().all(|path| text(&host, path).ends_with("# by hand\n")));

    refresh(root, &["--force"]).expect_success();
    assert!(text(&host, &preferences("stable")).contains("more-*:any"));
    assert!(paths.iter().all(|path| !text(&host, path).contains("by hand")));
    refresh(root, &[]).expect_success().expect_says_nothing();
}

#[test]
fn a_suite_that_was_removed_from_a_host_stays_removed_and_comes_back_when_asked() {
    let server = server();
    let host = enrolled(&server, "stable,edge");
    let root: &Path = host.as_ref();
    host.remove(&sources("edge"));
    host.remove(&preferences("edge"));
    host.remove(&configuration("edge"));
    let says = |told: Outcome| {
        let told = told.expect_success().expect_says("note: suite edge was removed from this host");
        assert_eq!(told.stdout.lines().count(), 1, "{told}");
    };
    says(refresh(root, &["--dry-run"]));
    says(refresh(root, &[]));
    says(refresh(root, &[]));
    assert!(host.read(&sources("edge")).is_none() && host.read(&preferences("edge")).is_none());

    refresh(root, &["--force"]).expect_success().expect_says(&format!("wrote {}", sources("edge")));
    refresh(root, &[]).expect_success().expect_says_nothing();

    // The only suite, too: the server is known without its sources.
    host.remove(&sources("edge"));
    host.remove(&sources("stable"));
    refresh(root, &[]).expect_success().expect_says("suite stable was removed");
}

#[test]
fn a_file_that_was_removed_stays_removed() {
    let server = server();
    let host = enrolled(&server, "stable");
    let root: &Path = host.as_ref();
    host.remove(&preferences("stable"));
    let told = refresh(root, &[]).expect_success();
    told.expect_says(&format!("note: {} was removed", preferences("stable")));
    assert!(host.read(&preferences("stable")).is_none());
}

#[test]
fn a_suite_that_is_given_no_more_is_named_and_nothing_of_it_is_touched() {
    let server = server();
    let host = enrolled(&server, "stable,edge");
    let root: &Path = host.as_ref();
    grant(&server, "stable");
    let told = refresh(root, &[]).expect_success().expect_says("does not give its suite");
    assert!(told.stdout.contains(&sources("edge")) && told.stdout.lines().count() == 1, "{told}");
    for path in [sources("edge"), preferences("edge"), configuration("edge"), keys("edge")] {
        assert!(host.read(&path).is_some(), "{path}");
    }
    host.remove(&sources("edge"));
    refresh(root, &[]).expect_success().expect_says_nothing();
}

/// A run that is killed goes on with the next, and takes nothing for the work of somebody else.
#[test]
fn a_refresh_that_is_killed_anywhere_is_finished_by_the_next() {
    let server = server();
    for round in 0..20_u64 {
        let host = enrolled(&server, "stable");
        let root: &Path = host.as_ref();
        grant(&server, "stable,edge");
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_repoctl"))
            .args(["host", "refresh", "--root"])
            .arg(root)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(round * 5));
        let _ = child.kill();
        child.wait().unwrap();
        let folder = host.path("/etc/apt/sources.list.d");
        if folder.join("repod-repo.example.org-edge.sources").exists() {
            // Whoever has the sources has what they need.
            for path in [preferences("edge"), configuration("edge"), keys("edge")] {
                assert!(host.read(&path).is_some(), "{path}");
            }
        }
        let told = refresh(root, &[]).expect_success();
        assert!(!told.stdout.contains("note:"), "{told}");
        assert!(host.read(&sources("edge")).is_some());
        refresh(root, &[]).expect_success().expect_says_nothing();
    }
}

/// A host of before the book of what was written, whose suite owns names: what earlier builds wrote for
/// these is known as such, and what a person made of it is not.
#[test]
fn preferences_of_an_earlier_build_are_known_without_the_book() {
    let server = server();
    let host = enrolled(&server, "stable");
    let root: &Path = host.as_ref();
    let (path, book) = (preferences("stable"), "/etc/apt/repod/written.json");
    let present = text(&host, &path);
    // Until then the names that go down came first, and there was none for `repoctl`.
    let stanzas: Vec<_> = present.trim_end().split("\n\n").collect();
    let [client, repoctl, owned] = stanzas[..] else { panic!("{present}") };
    assert!(repoctl.contains("\nPackage: repoctl:any\n"), "{present}");
    let lately = format!("{owned}\n\n{client}\n");
    assert_eq!(lately.matches("Explanation: ").count(), 2, "{lately}");
    let long_ago = lately.replace(":any", "");
    assert_ne!(long_ago, lately);
    for earlier in [lately, long_ago] {
        host.remove(book);
        std::fs::write(host.path(&path), earlier.replace("acme-*", "acme-web")).unwrap();
        refresh(root, &[])
            .expect_success()
            .expect_says(&format!("note: {path} is not as repoctl wrote it"));
        host.remove(book);
        std::fs::write(host.path(&path), &earlier).unwrap();
        refresh(root, &[]).expect_success().expect_says(&format!("wrote {path}"));
        assert_eq!(text(&host, &path), present);
        refresh(root, &[]).expect_success().expect_says_nothing();
    }
}
