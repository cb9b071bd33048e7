//! The pages: every command that one shows is run, or at least parsed, and what one names is there.
//!
//! Blocks marked `sh` are run in order, page by page, against a server of the page's own. `sh host`
//! runs with the apt of a host that the page has set up, `sh stopped` while the server is stopped. `sh no-run` says why it is not run, and its
//! commands must still parse. Inline, every `repod` and `repoctl` command must exist with its flags.

mod changes;
mod index;
mod invariants;
pub mod pages;
mod recipes;
mod stage;

use std::collections::BTreeSet;

use crate::harness::programs;
use crate::harness::server::{TestServer, host_files};
pub use pages::read;
use pages::{Kind, Page, pages, root};
use repod::http::table;
use stage::Stage;

#[test]
fn every_command_on_a_page_works() {
    for page in pages() {
        let blocks = page.blocks();
        let runs = blocks.iter().any(|block| block.kind != Kind::NotRun);
        let mut stage = runs.then(Stage::new);
        for block in &blocks {
            match (&mut stage, block.kind) {
                (Some(stage), Kind::Run) => stage.run(&page, block),
                (Some(stage), Kind::Stopped) => stage.run_stopped(&page, block),
                (Some(stage), Kind::Host) => stage.run_on_host(&page, block),
                _ => {
                    let reason =
                        block.text.lines().any(|line| line.trim_start().starts_with("# REASON: "));
                    assert!(reason, "{}: say why, in a line `# REASON: …`", page.at(block.line));
                }
            }
        }
    }
}

#[test]
fn every_command_that_is_not_run_is_understood() {
    let mut parsed = 0;
    for page in pages() {
        for block in page.blocks().iter().filter(|block| block.kind == Kind::NotRun) {
            for command in pages::commands(&block.text) {
                let outcome = stage::shell(&format!("{command} --help")).run();
                let understood = outcome.succeeded() && outcome.says("Usage: ");
                assert!(understood, "{}: {outcome}", page.at(block.line));
                parsed += 1;
            }
        }
    }
    assert!(parsed > 5, "only {parsed} commands were found");
}

#[test]
fn every_command_in_a_sentence_exists() {
    let mut known = 0;
    let spans: BTreeSet<_> = pages().iter().flat_map(Page::spans).collect();
    for (place, span) in spans {
        if !["repod ", "repoctl "].iter().any(|program| span.starts_with(program)) {
            continue;
        }
        let word = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let named: Vec<_> =
            span.split(' ').take_while(word).take_while(|w| !w.starts_with('-')).collect();
        let outcome = stage::shell(&format!("{} --help", named.join(" "))).run();
        assert!(outcome.succeeded() && outcome.says("Usage: "), "{place}: `{span}`\n{outcome}");
        let flags = span.split([' ', '=']).filter(|word| word.starts_with('-') && word.len() > 1);
        for flag in flags {
            assert!(outcome.says(flag), "{place}: `{span}` has no {flag}\n{outcome}");
        }
        known += 1;
    }
    assert!(known > 5, "only {known} commands were found");
}

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        for (line, link) in page.links() {
            let to = link.split('#').next().unwrap_or_default();
            let outside = link.contains("://") || to.is_empty();
            let there = page.folder().join(to).exists();
            assert!(outside || there, "{}: {link} is not there", page.at(line));
        }
    }
}

/// Three underscores make a test's name: nothing else on the pages has so many.
#[test]
fn every_test_that_a_page_names_is_there() {
    let source = pages::source();
    let mut named = 0;
    for (place, span) in pages().iter().flat_map(Page::spans) {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let is_metric = span.starts_with("repod_");
        if !is_metric && span.bytes().all(plain) && span.matches('_').count() >= 3 {
            assert!(source.contains(&format!("fn {span}(")), "{place}: there is no test {span}");
            named += 1;
        }
    }
    assert!(named > 20, "only {named} tests are named");
}

/// A row of a table: `| GET `/whoami` | host | … |`.
fn routes_on(page: &str) -> Vec<(&str, &str, &str)> {
    page.lines().filter_map(route_on).collect()
}

fn route_on(line: &str) -> Option<(&str, &str, &str)> {
    let (route, rest) = line.strip_prefix("| ")?.split_once(" | ")?;
    let (method, path) = route.split_once(" `")?;
    let is_method = method.bytes().all(|b| b.is_ascii_uppercase());
    let (role, _) = rest.split_once(" | ").filter(|_| is_method)?;
    Some((method, path.strip_suffix('`')?, role))
}

#[test]
fn the_page_of_the_api_has_every_route_with_its_role_and_no_others() {
    let page = read("docs/API.md");
    let told = routes_on(&page);
    for (method, path, role) in &told {
        let found = table::api().find(|one| (one.method, one.path) == (*method, *path));
        let route = found.unwrap_or_else(|| panic!("docs/API.md: there is no {method} {path}"));
        // Some changes take more than the least.
        let more = route.name == "change" && *role == "operator";
        assert!(
            more || route.who_may() == *role,
            "docs/API.md: {method} {path} takes {}",
            route.who_may()
        );
    }
    for route in table::api() {
        let (method, path, role) = (route.method, route.path, route.who_may());
        assert!(told.contains(&(method, path, role)), "docs/API.md: say what {method} {path} is");
    }
    for path in table::FILES.iter().map(|route| route.path.split('{').next().unwrap()) {
        assert!(page.contains(&format!("`{path}")), "docs/API.md: say what {path} is");
    }
    for route in table::LOCAL {
        assert!(
            page.contains(&format!("GET `{}`", route.path)),
            "docs/API.md: say what {} is",
            route.path
        );
    }
    let log = read("docs/audit.md");
    for route in table::api() {
        let verb = format!("`{}`", route.verb);
        assert!(log.contains(&verb), "docs/audit.md: say what {verb} is");
    }
}

#[test]
fn the_page_of_the_api_has_every_code() {
    let page = read("docs/API.md");
    for code in repod::api::Code::ALL {
        let line = page.lines().find(|line| line.starts_with(&format!("| `{}` |", code.as_str())));
        let line = line.unwrap_or_else(|| panic!("docs/API.md: say what {} is", code.as_str()));
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        assert_eq!(cells[2], code.status().to_string(), "{line}");
        assert_eq!(cells[3], code.exit().number().to_string(), "{line}");
    }
}

#[test]
fn the_page_of_the_installation_has_every_option() {
    let page = read("docs/install.md");
    let template = read("src/config/template.toml");
    let option = |line: &str| {
        let (name, _) = line.trim_start_matches("# ").split_once(" = ")?;
        name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_').then(|| name.to_owned())
    };
    let options: Vec<_> = template.lines().filter_map(option).collect();
    assert!(options.len() > 10, "{options:?}");
    for name in options {
        assert!(page.contains(&format!("{name}`")), "docs/install.md: say what {name} is");
    }
}

/// `docs/hosts.md` explains what a host is given, line by line, so it must have each line.
#[test]
fn the_page_of_the_hosts_has_every_line_that_is_written() {
    let page = read("docs/hosts.md");
    let mut server = TestServer::init();
    server.serve();
    server
        .repoctl(&["suite", "create", "stable", "--architecture", "amd64", "--owns", "acme-*"])
        .expect_success();
    let out = server.at("web-01");
    server
        .repoctl(&["host", "issue", "web-01.example.org", "--suite", "stable", "--out", &out])
        .expect_success();
    let url = format!("repo.example.org:{}", server.port());
    for file in host_files(out.as_ref()) {
        let path = &file.path;
        assert!(page.contains(path), "docs/hosts.md: say what {path} is");
        let text = String::from_utf8(file.content).unwrap();
        for line in text.lines().filter(|_| !file.path.starts_with("/etc/apt/repod/")) {
            let line = line.replace(&url, "repo.example.org:8443");
            assert!(page.contains(line.trim()), "docs/hosts.md: {path} has this line:\n{line}");
        }
    }
}

#[test]
fn example_keys_are_for_this_machine_alone() {
    let mut server = TestServer::init();
    let made = server.at("made");
    let script = root().join("keys.example/make.sh").display().to_string();
    stage::shell(&format!("{script} {made}")).run().expect_success();
    let marker = std::fs::read(format!("{made}/keys/EXAMPLE")).unwrap();
    let config = std::fs::read_to_string(format!("{made}/repod.toml")).unwrap();
    assert!(config.contains(r#"addresses = ["127.0.0.1:8443", "[::1]:8443"]"#), "{config}");

    std::fs::write(server.data().join("keys/EXAMPLE"), marker).unwrap();
    server.serve();
    assert_eq!(server.stop(), 0);
    let path = server.data().join("repod.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, config.replace("addresses = [\"127.0.0.1:", "addresses = [\"0.0.0.0:"))
        .unwrap();
    let path = path.display().to_string();
    server.repod(&["serve", "--config", &path]).run().expect_code(1).expect_says("example keys");
}

#[test]
fn the_units_of_hosts_are_understood_by_systemd() {
    let text = read("packaging/repod-renew.service");
    let commands: Vec<_> = text.split("/usr/bin/repoctl ").skip(1).collect();
    let commands: Vec<_> = commands.iter().map(|one| one.split(" ||").next().unwrap()).collect();
    assert_eq!(commands, ["host renew", "host refresh"]);
    for command in commands {
        stage::shell(&format!("repoctl {command} --help")).run().expect_success();
    }
    if !std::path::Path::new("/usr/bin/systemd-analyze").exists() {
        println!("not judged by systemd: it is not on this machine");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("repod-renew.service", &text.replace("/usr/bin/repoctl", "/bin/true"));
    write("repod-renew.timer", &read("packaging/repod-renew.timer"));
    for unit in ["repod-renew.service", "repod-renew.timer"] {
        let path = folder.path().join(unit);
        let judged =
            programs::program("systemd-analyze").args(["verify", "--man=no"]).arg(path).run();
        let own = judged.stderr.lines().filter(|line| line.contains("repod-renew"));
        assert_eq!(own.collect::<Vec<_>>(), Vec::<&str>::new());
    }
}

/// What the service of a host starts, with a program that fails as it is told.
#[test]
fn of_renewal_and_refresh_neither_stops_the_other() {
    let text = read("packaging/repod-renew.service");
    let start = text.lines().find_map(|line| line.strip_prefix("ExecStart=/bin/sh -c '")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stub = folder.path().join("repoctl");
    let script =
        "#!/bin/sh\necho \"$*\"\ncase $2 in renew) exit $RENEW ;; *) exit $REFRESH ;; esac\n";
    std::fs::write(&stub, script).unwrap();
    std::fs::set_permissions(&stub, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    // systemd takes `$$` for `$`. Source: systemd.service(5), "Command lines".
    let start = start.trim_end_matches('\'').replace("$$", "$");
    let start = start.replace("/usr/bin/repoctl", &stub.display().to_string());
    for (renew, refresh, code) in [("0", "0", 0), ("3", "0", 3), ("0", "4", 4), ("3", "4", 4)] {
        let run = programs::program("sh").args(["-c", &start]);
        let ran = run.env("RENEW", renew).env("REFRESH", refresh).run().expect_code(code);
        assert_eq!(ran.stdout, "host renew\nhost refresh\n");
    }
}

#[test]
fn the_unit_is_understood_by_systemd() {
    let text = read("packaging/repod.service");
    let start = text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/")).unwrap();
    stage::shell(&format!("{start} --help")).run().expect_success().expect_says("Usage: ");
    if !std::path::Path::new("/usr/bin/systemd-analyze").exists() {
        println!("not judged by systemd: it is not on this machine");
        return;
    }
    // Neither the program nor its user is on this machine: any will do.
    let text =
        text.replace("/usr/bin/repod", "/bin/true").replace("=repod\nGroup", "=daemon\nGroup");
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("repod.service");
    std::fs::write(&unit, text.replace("Group=repod", "Group=daemon")).unwrap();
    let judged = programs::program("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).run();
    let own = judged.stderr.lines().filter(|line| line.contains("repod.service"));
    assert_eq!(own.collect::<Vec<_>>(), Vec::<&str>::new());
    // Of ten, of which a unit without any limit has nearly all.
    let exposure = ["security", "--offline=true", "--no-pager", "--threshold=20"];
    programs::program("systemd-analyze").args(exposure).arg(&unit).run().expect_success();
}
