//! Sound packages that do not belong where they are sent.

use crate::harness::deb::DebBuilder;
use crate::harness::server::{TestServer, package};

use super::{file, told, unchanged, watched};

fn built(server: &TestServer, name: &str, deb: &DebBuilder) -> String {
    file(server, &format!("{name}.deb"), &deb.build())
}

#[test]
fn sound_packages_in_the_wrong_place_say_which_would_be_right() {
    let server = watched();
    let good = built(&server, "good", &package("acme-new", "1.0"));
    let foreign = built(&server, "foreign", &DebBuilder::new("acme-new", "1.0", "riscv64"));
    let cases: [(&[&str], i32, &[&str]); 8] = [
        (&["--suite", "stabel", &good], 1, &["no suite stabel", "did you mean stable?"]),
        (&["--suite", "Not/A/Suite", &good], 2, &["--suite", "Not/A/Suite", "a-z"]),
        (
            &["--suite", "stable", "-C", "contrib", &good],
            1,
            &["no component contrib", "it has main"],
        ),
        (&["--suite", "stable", "-C", "../x", &good], 2, &["--component", "../x"]),
        (
            &["--suite", "stable", &foreign],
            1,
            &["riscv64", "only amd64", "--add-architecture riscv64"],
        ),
        (&["--suite", "stable", "-m", "two\nlines", &good], 2, &["message", "write one line"]),
        (&["--suite", "stable", "/nonexistent/a.deb"], 2, &["/nonexistent/a.deb", "no such file"]),
        (&[&good], 2, &["no suite is named", "--suite"]),
    ];
    for (arguments, code, says) in cases {
        unchanged(&server, || told(server.repoctl(&[&["upload"], arguments].concat()), code, says));
    }
    let both = ["upload", "--suite", "stable", "-C", "contrib", &foreign];
    let outcome = unchanged(&server, || told(server.repoctl(&both), 1, &["nothing was published"]));
    for said_once in ["no component contrib", "--add-architecture riscv64"] {
        assert_eq!(outcome.stderr.matches(said_once).count(), 1, "{outcome}");
    }
    server.repoctl(&["upload", "--suite", "stable", &good]).expect_success();
}

#[test]
fn a_version_is_one_thing_for_ever() {
    let server = watched();
    let rebuilt = package("acme-web", "1.0").file("usr/share/acme-web/other", b"other bytes\n");
    let rebuilt = built(&server, "rebuilt", &rebuilt);
    let upload = |path: &str| server.repoctl(&["upload", "--suite", "stable", path]);
    unchanged(&server, || {
        told(upload(&rebuilt), 1, &["acme-web 1.0 amd64", "other bytes", "build a new version"])
    });
    let zeroes = built(&server, "zeroes", &package("acme-web", "1.00"));
    unchanged(&server, || {
        told(upload(&zeroes), 1, &["acme-web 1.00 amd64", "the same as 1.0", "build a higher one"])
    });
    let epoch = built(&server, "epoch", &package("acme-web", "0:1.0"));
    unchanged(&server, || told(upload(&epoch), 1, &["the same as 1.0", "build a higher one"]));
    // Two that are at odds with each other, and a good one with them: none is taken.
    let folder = server.at("files/odds");
    for (n, text) in ["one", "two"].iter().enumerate() {
        let deb = package("acme-odd", "1.0").file("usr/share/acme-odd/text", text.as_bytes());
        file(&server, &format!("odds/{n}.deb"), &deb.build());
    }
    file(&server, "odds/good.deb", &package("acme-new", "1.0").build());
    unchanged(&server, || {
        told(upload(&folder), 1, &["acme-odd 1.0 amd64", "comes twice", "build a new version"])
    });
    let listed = server.repoctl(&["list", "--suite", "stable", "--all"]).expect_success();
    assert!(!listed.says("acme-new") && !listed.says("acme-odd"), "{listed}");
    // In every suite of the repository: hosts may read several.
    server.repoctl(&["suite", "create", "testing", "--architectures", "amd64"]).expect_success();
    let elsewhere = ["upload", "--suite", "testing", &rebuilt];
    unchanged(&server, || told(server.repoctl(&elsewhere), 1, &["other bytes"]));
}

#[test]
fn what_is_not_there_is_said_to_be_not_there() {
    let server = watched();
    let out = server.at("files/host");
    let cases: [(&[&str], i32, &[&str]); 9] = [
        (&["suite", "show", "nosuch"], 1, &["no suite nosuch", "repoctl suite list"]),
        (&["list", "--suite", "nosuch"], 1, &["no suite nosuch", "repoctl suite list"]),
        (&["history", "--suite", "nosuch"], 1, &["no suite nosuch", "repoctl suite list"]),
        (
            &["suite", "create", "stable", "--architectures", "amd64"],
            1,
            &["stable", "exists already"],
        ),
        (&["pin", "--suite", "stable", "acme-web=9.9"], 1, &["acme-web", "9.9"]),
        (&["pin", "--suite", "stable", "--rollback", "nosuch"], 1, &["nosuch", "repoctl list"]),
        (
            &["pin", "--suite", "stable", "--rollback", "--all", "--to", "99", "--yes"],
            1,
            &["generation 99", "last one is"],
        ),
        (
            &["host", "issue", "a.example.org", "--suite", "nosuch", "--out", &out],
            1,
            &["repoctl suite list"],
        ),
        (&["uplaod", "x.deb"], 2, &["uplaod", "upload"]),
    ];
    for (arguments, code, says) in cases {
        unchanged(&server, || told(server.repoctl(arguments), code, says));
    }
    assert!(!std::path::Path::new(&out).exists(), "nothing is written for a host that got nothing");
}
