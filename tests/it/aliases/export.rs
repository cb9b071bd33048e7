//! Export: an exported tree is read by both names of a suite.

use std::path::Path;

use super::{bare, create, edit, update};
use crate::check::check_suite;
use crate::check::fetch::Tree;
use crate::harness::apt::AptRoot;
use crate::harness::loopback::Loopback;
use crate::harness::programs::program;

/// An exported tree has both names, from the disk and from a web server; a link is what it is now.
#[test]
fn an_export_is_read_by_both_names() {
    let server = bare();
    create(&server, "bookworm", &["--alias", "stable"]).expect_success();
    create(&server, "trixie", &["--alias", "testing"]).expect_success();
    server.upload("acme-web", "1.0").expect_success();
    let config = server.at("data/repod.toml");
    let tree = server.at("tree");
    let export = || server.repod(&["export", &tree, "--config", &config]).run().expect_success();
    let leads = |name: &str| {
        let link = std::fs::read_link(Path::new(&tree).join("dists").join(name)).ok();
        link.map(|to| to.display().to_string())
    };
    export();
    assert_eq!(leads("stable").as_deref(), Some("bookworm"));
    assert_eq!(leads("testing").as_deref(), Some("trixie"));
    let key = server.data().join("keys/archive-key.asc");
    let whole = |name: &str| check_suite(&Tree(tree.clone().into()), name, &key).unwrap();
    assert_eq!(whole("stable").release["Codename"], "bookworm");
    let web = Loopback::over(Path::new(&tree));
    for name in ["bookworm", "stable"] {
        let host = AptRoot::new();
        // Where an apt in a root of its own finds it, too.
        let copy = host.path("exported").display().to_string();
        program("cp").args(["-a", &tree, &copy]).run().expect_success();
        let seen = format!("{}/exported", host.seen());
        for uri in [format!("file:{seen}"), format!("copy:{seen}"), web.url()] {
            let line = format!("deb [signed-by={seen}/archive-key.asc] {uri} {name} main");
            host.add_source("plain", &line);
            host.forget_lists();
            host.forget_downloads();
            update(&host);
            host.apt_get(&["-y", "install", "--reinstall", "acme-web"]).expect_success();
            assert_eq!(host.installed("acme-web").as_deref(), Some("1.0"), "{uri} {name}");
        }
    }
    // It moves, and what was an alias is a suite's name: nothing is written through the link.
    edit(&server, "trixie", &["--alias", "stable", "--yes"]).expect_success();
    create(&server, "testing", &[]).expect_success();
    export();
    assert_eq!([leads("stable").as_deref(), leads("testing").as_deref()], [Some("trixie"), None]);
    for (name, codename) in [("stable", "trixie"), ("testing", "testing"), ("bookworm", "bookworm")]
    {
        assert_eq!(whole(name).release["Codename"], codename, "{name}");
    }
    // The other way: the suite goes, and its name is an alias.
    server.repoctl(&["suite", "remove", "testing", "--yes"]).expect_success();
    edit(&server, "bookworm", &["--alias", "testing"]).expect_code(2).expect_says("Codename");
    let taken = edit(&server, "bookworm", &["--alias", "testing", "--yes"]).expect_success();
    assert!(taken.says("of bookworm"), "{taken}");
    export();
    assert_eq!(leads("testing").as_deref(), Some("bookworm"));
    assert_eq!(whole("testing").release["Codename"], "bookworm");
    edit(&server, "bookworm", &["--no-alias", "--yes"]).expect_success();
    export();
    assert!(!Path::new(&tree).join("dists/testing").is_symlink());
    assert_eq!(whole("bookworm").release["Suite"], "bookworm");
}
