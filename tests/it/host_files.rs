//! The files that a host is given: whether the programs that should read them do, whatever the server, the suite
//! and the host are called.

use repod::debian::SuiteName;
use repod::domain::host::{self, Address, ErrorMode, HostFacts, SuiteFacts};
use repod::domain::{Identity, SuiteSpec};

use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::programs::{is_root, program};
use crate::harness::roots;
use crate::harness::server::{NAME, TestServer, package};

const SERVERS: [&str; 6] = [
    "repo.example.org",
    "repo",
    "127.0.0.1",
    "a-b.example.conf",
    "xn--bcher-kva.example",
    "1.pref",
];
const SUITES: [&str; 6] = ["stable", "a+b", "1.0", "x.conf", "9-a.b+c-d", "lo"];

fn facts(suite: &str) -> SuiteFacts {
    let spec = serde_json::json!({
        "name": suite, "origin": "Acme", "label": "Acme", "components": ["main"],
        "architectures": ["amd64"], "owns": ["acme-*"], "valid_seconds": 864_000,
    });
    let spec: SuiteSpec = serde_json::from_value(spec).unwrap();
    SuiteFacts { spec, keys: "keys\n".into(), names: Vec::new() }
}

fn address(server: &str) -> Address {
    let public_url = format!("https://{server}:8443/");
    Address { public_url, server: server.to_owned(), error_mode: ErrorMode::Any }
}

/// A host with what a server of that name gives it for these suites.
fn given(server: &str, suites: &[&str]) -> (AptRoot, Vec<HostFile>) {
    let suites: Vec<_> = suites.iter().map(|suite| facts(suite)).collect();
    let files = host::files(&HostFacts {
        identity: &Identity::parse("web-01.example.org").unwrap(),
        address: &address(server),
        ca_pem: "ca\n",
        suites: &suites,
    });
    let file = |file: host::HostFile| HostFile::new(&file.path, 0o644, file.content);
    let files: Vec<_> = files.into_iter().map(file).collect();
    let root = AptRoot::new();
    root.place(&files);
    (root, files)
}

#[test]
fn apt_reads_every_file_that_a_host_is_given() {
    for server in SERVERS {
        let (host, _) = given(server, &SUITES);
        let told = host.program("apt-config").arg("dump").run().expect_success();
        for option in ["CAInfo", "SslCert", "SslKey"] {
            let line = format!(
                "Acquire::https::{server}::{option} \"{}/etc/apt/repod/{server}/",
                host.seen()
            );
            assert!(told.stdout.contains(&line), "{line} in {told}");
        }
        for suite in SUITES {
            let origins = format!("\"origin=Acme,label=Acme,codename={suite}\";");
            assert!(told.stdout.contains(&origins), "{server}: {told}");
        }
        told.expect_says("APT::Get::allow-downgrades \"true\"").expect_says("Error-Mode \"any\"");

        let asked = host.apt_get(&["update", "--print-uris"]).expect_success();
        for suite in SUITES {
            // apt writes some characters of an address by their numbers.
            let address =
                format!("https://{server}:8443/dists/{}/InRelease", suite.replace('+', "%2b"));
            assert!(asked.stdout.contains(&address), "{address} in {asked}");
        }
        assert!(!asked.says("Ignoring file"), "{asked}");
        // Read by apt as well: a stanza behind the last one that has no Pin would be told.
        let policy = host.program("apt-cache").arg("policy").run().expect_success();
        assert!(!policy.says("Ignoring file"), "{policy}");
    }
}

/// That the check above can fail: apt passes over the names of earlier builds and of a suite that is written as it is.
#[test]
fn apt_passes_over_other_names() {
    for path in [
        "apt.conf.d/60repod-repo.example.org-stable",
        "preferences.d/60repod-repo.example.org-a+b.pref",
        "sources.list.d/repod-repo.example.org-a+b.sources",
    ] {
        let host = AptRoot::new();
        host.place(&[HostFile::new(&format!("/etc/apt/{path}"), 0o644, "")]);
        let told = host.apt_get(&["update", "--print-uris"]);
        let policy = host.program("apt-cache").arg("policy").run();
        let config = host.program("apt-config").arg("dump").run();
        let all = [&told, &policy, &config];
        let name = path.rsplit('/').next().unwrap();
        // `+` is passed over without a word.
        assert!(
            name.contains('+') || all.iter().any(|one| one.says("Ignoring file")),
            "{told}{policy}"
        );
    }
}

/// Every name in every folder keeps to what apt allows in it, at the edges of what our own names allow.
#[test]
fn names_at_the_edges_are_such_as_apt_takes() {
    let long = format!("{}.example.org", "a".repeat(50));
    for server in SERVERS.into_iter().chain([long.as_str()]) {
        for suite in SUITES {
            for file in host::suite_files(&address(server), &facts(suite)) {
                let (folder, name) = file.path.rsplit_once('/').unwrap();
                let extension = match folder.rsplit('/').next().unwrap() {
                    "apt.conf.d" => "conf",
                    "preferences.d" => "pref",
                    "sources.list.d" => "sources",
                    _ => continue,
                };
                assert!(name.len() <= 255, "{name}");
                assert_eq!(name.rsplit_once('.').unwrap().1, extension, "{name}");
                let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
                assert!(name.chars().all(plain), "{name}");
            }
        }
    }
}

/// apt stops at a stanza of a mebibyte: the names of a suite that does not say what it owns take several.
#[test]
fn apt_reads_the_preferences_of_sixty_thousand_names() {
    let name = |n: u32| format!("acme-some-package-{n}").parse().unwrap();
    let mut facts = facts("stable");
    facts.spec.owns.clear();
    facts.names = (0..63_275).map(name).collect();
    let host = AptRoot::new();
    let files = host::suite_files(&address(NAME), &facts);
    let file = |file: host::HostFile| HostFile::new(&file.path, 0o644, file.content);
    host.place(&files.into_iter().map(file).collect::<Vec<_>>());
    let policy = host.program("apt-cache").args(["policy", "acme-none"]).run().expect_success();
    assert!(policy.stderr.is_empty(), "{policy}");
}

#[test]
fn a_suite_whose_lists_no_host_could_store_is_refused() {
    let server = TestServer::start();
    let long = |letter: &str, bytes: usize| letter.repeat(bytes);
    let create = |component: &str| {
        let mut args = vec!["suite", "create", "s", "--architectures", "amd64"];
        args.extend(["--component", component]);
        server.repoctl(&args)
    };
    create(&long("c", 64)).expect_success();
    let (suite, component, architecture) = (long("s", 64), long("c", 64), long("a", 64));
    let args = ["suite", "create", &suite, "--component", &component];
    server
        .repoctl(&[&args[..], &["--architecture", &architecture]].concat())
        .expect_code(2)
        .expect_says("shorter names");
}

/// Its files have paths of more than the hundred bytes that fit into the header of a member of a tar archive.
#[test]
fn a_suite_with_the_longest_name_has_a_client_package() {
    let server = TestServer::start();
    let name = SuiteName::parse(&"a".repeat(64)).unwrap();
    server
        .repoctl(&["suite", "create", name.as_str(), "--architectures", "amd64"])
        .expect_success();
    server.repoctl(&["key", "publish", "--suite", name.as_str()]).expect_success();
    let out = server.at("hosts/long.example.org");
    let issue = ["host", "issue", "long.example.org", "--suite", name.as_str(), "--out", &out];
    server.repoctl(&issue).expect_success();
    let host = AptRoot::new();
    host.place(&crate::harness::server::host_files(out.as_ref()));
    host.update().expect_success();
    let client = host::client_package(NAME, &name).unwrap();
    host.install(&[client.as_str()]).expect_success();
    for file in host::suite_files(&address(NAME), &facts(name.as_str())) {
        assert!(host.read(&file.path).is_some(), "{}", file.path);
    }
}

/// Under its old names apt reads no settings: it cannot verify the server, and ends with 0.
#[test]
fn hosts_of_an_earlier_build_are_mended() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let as_before = |host: &AptRoot| {
        let folder = host.path("/etc/apt/apt.conf.d");
        let (old, new) =
            ("60repod-repo.example.org-stable", "60repod-repo.example.org-stable.conf");
        std::fs::rename(folder.join(new), folder.join(old)).unwrap();
        std::fs::write(
            folder.join("61repod-repo.example.org"),
            "APT::Get::allow-downgrades \"true\";\n",
        )
        .unwrap();
    };
    let names = |host: &AptRoot| {
        let entries = std::fs::read_dir(host.path("/etc/apt/apt.conf.d")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };

    let host = server.host("web-01.example.org");
    as_before(&host);
    // GnuTLS and OpenSSL say it each in their own way.
    let told = host.update().expect_success();
    assert!(
        told.says("certificate issuer is unknown") || told.says("certificate verify failed"),
        "{told}"
    );
    assert_eq!(host.policy("acme-web").candidate, None);
    let root = host.path("/").display().to_string();
    server.repoctl(&["host", "renew", "--root", &root]).expect_success().expect_says("not yet due");
    assert_eq!(
        names(&host),
        ["60repod-repo.example.org-stable.conf", "61repod-repo.example.org.conf"]
    );
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();

    // The client package, where apt reaches the server by other settings.
    server.repoctl(&["key", "publish", "--suite", "stable"]).expect_success();
    let host = server.host("web-02.example.org");
    let kept = host.read("/etc/apt/apt.conf.d/60repod-repo.example.org-stable.conf").unwrap();
    as_before(&host);
    let by_hand = "/etc/apt/apt.conf.d/50by-hand.conf";
    std::fs::write(host.path(by_hand), kept).unwrap();
    host.update().expect_success();
    host.install(&["repod-client-repo.example.org-stable"]).expect_success();
    assert_eq!(names(&host), ["50by-hand.conf", "60repod-repo.example.org-stable.conf"]);

    // install.sh of a newer setup.
    let out = server.at("again");
    server
        .repoctl(&["host", "setup", "web-02.example.org", "--suite", "stable", "--out", &out])
        .expect_success();
    let script = std::fs::read_to_string(format!("{out}/install.sh")).unwrap();
    for old in ["60repod-repo.example.org-stable", "61repod-repo.example.org"] {
        assert!(script.contains(&format!("rm -f /etc/apt/apt.conf.d/{old}\n")), "{script}");
    }
}

/// A pin of a name alone holds for the native architecture's package only. Source: apt_preferences(5).
#[test]
fn packages_of_a_foreign_architecture_go_back_too() {
    let mut server = TestServer::init();
    server.serve();
    server
        .repoctl(&[
            "suite",
            "create",
            "stable",
            "--architecture",
            "amd64",
            "--architecture",
            "i386",
            "--owns",
            "acme-*",
        ])
        .expect_success();
    let native = program("dpkg").arg("--print-architecture").run().expect_success();
    let native = native.stdout.trim().to_owned();
    assert!(native == "amd64", "this test is written for amd64, not {native}");
    let upload = |version: &str| {
        let of = |architecture: &str| {
            let mut lib = package("acme-lib", version).field("Multi-Arch", "same");
            lib = lib.field("Architecture", architecture);
            server.deb(&lib)
        };
        let tool = server.deb(&package("acme-tool", version).field("Architecture", "i386"));
        server
            .repoctl(&["upload", "--suite", "stable", &of("amd64"), &of("i386"), &tool])
            .expect_success();
    };
    upload("1.0");
    upload("2.0");
    let host = server.host("web-01.example.org");
    host.place(&[HostFile::new("/var/lib/dpkg/arch", 0o644, "amd64\ni386\n")]);
    let more = "APT::Architectures { \"amd64\"; \"i386\"; };\n";
    host.place(&[HostFile::new("/etc/apt/apt.conf.d/10architectures.conf", 0o644, more)]);
    host.update().expect_success();
    let all = ["acme-lib:amd64", "acme-lib:i386", "acme-tool:i386"];
    host.install(&all).expect_success();
    let versions = || all.map(|name| host.installed(name).unwrap());
    assert_eq!(versions(), ["2.0", "2.0", "2.0"]);

    for name in ["acme-lib", "acme-tool"] {
        server.repoctl(&["pin", "--suite", "stable", "--rollback", name]).expect_success();
    }
    host.update().expect_success();
    host.upgrade().expect_success();
    assert_eq!(versions(), ["1.0", "1.0", "1.0"]);
}

/// On the port that an address need not name, with a second suite, and by the program that most fleets upgrade with.
#[test]
fn unattended_upgrades_follow_two_suites_up_and_down_on_port_443() {
    if !is_root() {
        println!("not run: only root listens on port 443 and mounts");
        return;
    }
    let server = TestServer::on_port(443);
    for (suite, owns) in [("stable", "acme-*"), ("edge", "edge-*")] {
        let create = ["suite", "create", suite, "--architecture", "amd64", "--owns", owns];
        server.repoctl(&create).expect_success();
    }
    let upload = |version: &str| {
        for (suite, name) in [("stable", "acme-web"), ("edge", "edge-tool")] {
            let path = server.deb(&package(name, version));
            server.repoctl(&["upload", "--suite", suite, &path]).expect_success();
        }
    };
    upload("1.0");
    let out = server.at("hosts/web-01.example.org");
    let issue = ["host", "issue", "web-01.example.org", "--suite", "stable", "--suite", "edge"];
    server.repoctl(&[&issue[..], &["--out", &out]].concat()).expect_success();
    let host = AptRoot::of_this_machine();
    host.place(&crate::harness::server::host_files(out.as_ref()));
    let sources = host.read("/etc/apt/sources.list.d/repod-repo.example.org-edge.sources").unwrap();
    let sources = String::from_utf8(sources).unwrap();
    assert!(sources.contains("URIs: https://repo.example.org/\n"), "{sources}");
    host.update().expect_success();
    host.install(&["acme-web", "edge-tool"]).expect_success();
    let versions = || ["acme-web", "edge-tool"].map(|name| host.installed(name).unwrap());
    assert_eq!(versions(), ["1.0", "1.0"]);

    upload("2.0");
    host.update().expect_success();
    host.unattended_upgrade().expect_success();
    assert_eq!(versions(), ["2.0", "2.0"]);

    for (suite, name) in [("stable", "acme-web"), ("edge", "edge-tool")] {
        server.repoctl(&["pin", "--suite", suite, "--rollback", name]).expect_success();
    }
    host.update().expect_success();
    host.unattended_upgrade().expect_success();
    assert_eq!(versions(), ["1.0", "1.0"]);
}

/// The machine's own apt is at work in the other tests; here are the one before and the one after.
#[test]
fn hosts_of_other_releases_install_upgrade_and_go_back() {
    let Some(roots) = roots::kept("apt-roots", &["bullseye", "trixie"]) else { return };
    let server = TestServer::start();
    server.repoctl(&["suite", "edit", "stable", "--owns", "acme-*"]).expect_success();
    server.upload("acme-web", "1.0").expect_success();
    server.repoctl(&["key", "publish", "--suite", "stable"]).expect_success();
    let client = "repod-client-repo.example.org-stable";
    let hosts = ["bullseye", "trixie"].map(|release| {
        let root = AptRoot::within(&roots.join(release));
        let host = server.host_with(&format!("{release}.example.org"), root);
        host.update().expect_success();
        host.install(&["acme-web", client]).expect_success();
        assert_eq!(host.installed("acme-web").as_deref(), Some("1.0"));
        assert_eq!(host.installed(client).as_deref(), Some("1"));
        // The client package's files name paths of a real host: this one's are put back for what follows.
        host.place(&crate::harness::server::host_files(
            server.at(&format!("hosts/{release}.example.org")).as_ref(),
        ));
        host
    });
    assert_ne!(hosts[0].apt_version(), hosts[1].apt_version());
    server.upload("acme-web", "2.0").expect_success();
    for host in &hosts {
        host.update().expect_success();
        host.upgrade().expect_success();
        assert_eq!(host.installed("acme-web").as_deref(), Some("2.0"));
    }
    server.repoctl(&["pin", "--suite", "stable", "--rollback", "acme-web"]).expect_success();
    for host in &hosts {
        host.update().expect_success();
        host.upgrade().expect_success();
        assert_eq!(host.installed("acme-web").as_deref(), Some("1.0"));
    }
}
