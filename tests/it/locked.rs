//! A data directory whose CA has a locked private key, from `repod init` to revocation, with openssl as the
//! second opinion; and the lock put on, changed and taken off.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::harness::programs::{Outcome, Program, program};
use crate::harness::server::TestServer;

const HOST: &str = "web1.example.org";

/// A file that its owner alone reads.
fn file(server: &TestServer, name: &str, content: &str) -> String {
    let path = server.at(name);
    if let Some(folder) = Path::new(&path).parent() {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    path
}

fn key(server: &TestServer) -> PathBuf {
    server.data().join("ca/ca.key")
}

fn is_locked(server: &TestServer) -> bool {
    let mode = std::fs::metadata(key(server)).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    std::fs::read_to_string(key(server)).unwrap().contains("BEGIN ENCRYPTED PRIVATE KEY")
}

/// What openssl makes of the key with the passphrase in a file: its public part.
fn openssl(server: &TestServer, passphrase: &str) -> Outcome {
    let from = format!("file:{passphrase}");
    let key = key(server).display().to_string();
    program("openssl").args(["pkey", "-in", &key, "-passin", &from, "-pubout"]).run()
}

/// `repod ca …` on this data directory.
fn ca(server: &TestServer, args: &[&str]) -> Program {
    let config = server.at("data/repod.toml");
    server.repod(&["ca"]).args(args).args(["--config", &config])
}

/// `repod serve` that is expected to end by itself.
fn start_refused(server: &TestServer) -> Outcome {
    let config = server.at("data/repod.toml");
    server.repod(&["serve", "--config", &config]).run().expect_code(1)
}

fn configure(server: &TestServer, from: &str, to: &str) {
    let path = server.data().join("repod.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(&path, text.replace(from, to)).unwrap();
}

#[test]
fn a_ca_whose_key_is_locked_does_all_its_duties() {
    let mut server = TestServer::unmade();
    let passphrase = file(&server, "etc/passphrase", "open sesame\n");
    let made = server.init_program(&["--ca-passphrase-file", &passphrase]).run().expect_success();
    assert!(made.says(&passphrase) && !made.says("open sesame"), "{made}");
    assert!(is_locked(&server));
    openssl(&server, &passphrase).expect_success();
    assert!(!openssl(&server, &file(&server, "etc/wrong", "sesame\n")).succeeded());

    server.serve();
    server.repoctl(&["suite", "create", "stable", "--architecture", "amd64"]).expect_success();
    server.upload("acme-web", "1.0").expect_success();
    let host = server.host(HOST);
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    let token = ["host", "token", "web2.example.org", "--suite", "stable"];
    let token = server.repoctl(&token).expect_success().stdout;
    let image = server.at("image");
    std::fs::create_dir(&image).unwrap();
    let enroll = server.repoctl_program(&["host", "enroll", "--root", &image, "-"]);
    enroll.input(token).run().expect_success();

    // A restart makes a new list before anything is served, and goes on issuing.
    let list = || std::fs::read(server.data().join("ca/crl.pem")).unwrap();
    let before = list();
    assert_eq!(server.stop(), 0);
    server.serve();
    assert_ne!(std::fs::read(server.data().join("ca/crl.pem")).unwrap(), before);
    host.update().expect_success();
    server.repoctl(&["host", "revoke", HOST, "-m", "stolen", "--yes"]).expect_success();
    let refused = server.curl(HOST, "dists/stable/InRelease").args(["-i"]).run();
    assert!(refused.says("403") && refused.says("revoked"), "{refused}");
    assert!(!server.log().contains("open sesame") && !server.log().contains("PRIVATE KEY"));
}

#[test]
fn a_start_that_cannot_open_the_key_says_what_it_needs() {
    let mut server = TestServer::unmade();
    let passphrase = file(&server, "etc/passphrase", "open sesame");
    let refused = server.init_program(&["--ca-passphrase-file", &server.at("etc/none")]).run();
    refused.expect_code(1).expect_says("--ca-passphrase-file").expect_says("nothing was made");
    assert!(!server.data().exists());
    server.init_program(&["--ca-passphrase-file", &passphrase]).run().expect_success();

    std::fs::write(&passphrase, "another\n").unwrap();
    let refused = start_refused(&server);
    assert!(refused.says("ca/ca.key") && refused.says("does not open it"), "{refused}");
    assert!(refused.says("ca.passphrase_file") && !refused.says("another"), "{refused}");
    std::fs::write(&passphrase, "\n").unwrap();
    start_refused(&server).expect_says("is empty");
    std::fs::write(&passphrase, "open sesame\nanother\n").unwrap();
    start_refused(&server).expect_says("several lines");
    std::fs::remove_file(&passphrase).unwrap();
    start_refused(&server).expect_says(&passphrase);
    configure(&server, &format!("passphrase_file = \"{passphrase}\""), "");
    let refused = start_refused(&server);
    assert!(refused.says("ca.passphrase_file"), "{refused}");
    assert!(refused.says("repod-ca-passphrase"), "{refused}");

    // What the service manager hands over goes first.
    file(&server, "credentials/repod-ca-passphrase", "open sesame");
    let passphrase = file(&server, "etc/passphrase", "sesame");
    configure(&server, "[ca]\n", "[ca]\npassphrase_file = \"../etc/passphrase\"\n");
    let credentials = server.at("credentials");
    let lock = ca(&server, &["lock", "--passphrase-file", &passphrase]);
    lock.env("CREDENTIALS_DIRECTORY", &credentials).run().expect_success();
    openssl(&server, &passphrase).expect_success();
    // Relative to the file that names it.
    server.serve();
    server.repoctl(&["whoami"]).expect_success();
}

#[test]
fn the_lock_is_put_on_changed_and_taken_off() {
    let mut server = TestServer::start();
    let passphrase = file(&server, "etc/passphrase", "open sesame\n");
    let other = file(&server, "etc/other", "quite another\n");
    ca(&server, &["lock", "--passphrase-file", &passphrase])
        .run()
        .expect_code(1)
        .expect_says("stop");
    assert!(!is_locked(&server));
    assert_eq!(server.stop(), 0);
    let plain = std::fs::read(key(&server)).unwrap();
    let public = openssl(&server, &passphrase).expect_success().stdout;

    ca(&server, &["lock"]).run().expect_code(1).expect_says("ca.passphrase_file");
    let told = ca(&server, &["lock", "--passphrase-file", &passphrase]).run().expect_success();
    assert!(told.says(&format!("passphrase_file = \"{passphrase}\"")), "{told}");
    assert!(is_locked(&server));
    assert_eq!(openssl(&server, &passphrase).expect_success().stdout, public);
    start_refused(&server).expect_says("ca.passphrase_file");
    // Nothing that is configured opens it: it has to be named.
    ca(&server, &["unlock"]).run().expect_code(1).expect_says("ca.passphrase_file");

    configure(&server, "[ca]\n", "[ca]\npassphrase_file = \"../etc/passphrase\"\n");
    server.serve();
    server.host(HOST).update().expect_success();
    assert_eq!(server.stop(), 0);

    ca(&server, &["lock", "--passphrase-file", &other]).run().expect_success();
    assert_eq!(openssl(&server, &other).expect_success().stdout, public);
    start_refused(&server).expect_says("does not open it");
    ca(&server, &["unlock"]).run().expect_code(1).expect_says("does not open it");
    assert!(is_locked(&server));
    // Back to the one that is configured, which is the default.
    let told = ca(&server, &["lock", "--old-passphrase-file", &other]).run().expect_success();
    assert!(!told.says("Before the server is started"), "{told}");
    server.serve();
    assert_eq!(server.stop(), 0);
    let told = ca(&server, &["unlock"]).run().expect_success();
    told.expect_says("take ca.passphrase_file out of repod.toml");
    assert!(!is_locked(&server));
    assert_eq!(std::fs::read(key(&server)).unwrap(), plain);
    server.serve();
    // One before and one behind each change; none for what was refused.
    for (verb, times) in [("ca-lock", 6), ("ca-unlock", 2)] {
        let lines = server.repoctl(&["audit", "--verb", verb]).expect_success().stdout;
        assert_eq!(lines.matches(verb).count(), times, "{lines}");
    }
    server.repoctl(&["audit", "verify"]).expect_success();
}

/// Root changes by hand what belongs to the user that the server runs as.
#[test]
fn the_key_stays_its_owners() {
    if !crate::harness::programs::is_root() {
        println!("not tried: only root can give files away");
        return;
    }
    let server = TestServer::init();
    std::os::unix::fs::chown(key(&server), Some(65534), Some(65534)).unwrap();
    let passphrase = file(&server, "etc/passphrase", "open sesame\n");
    ca(&server, &["lock", "--passphrase-file", &passphrase]).run().expect_success();
    assert!(is_locked(&server));
    let at = std::fs::metadata(key(&server)).unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_eq!((at.uid(), at.gid()), (65534, 65534));
}
