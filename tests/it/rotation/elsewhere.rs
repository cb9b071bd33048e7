//! Keys that are locked, and keys that this server never has: gpg signs, with an agent of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Signed, fingerprints, settle};
use crate::harness::programs::{Program, program};
use crate::harness::server::TestServer;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "12345678";
/// Answers the agent that asks for the PIN.
const ASKED: &str = "#!/bin/sh
echo OK
while read -r line; do
  case \"$line\" in GETPIN*) echo 'D 12345678' ;; esac
  echo OK
done
";

/// A GnuPG home with an agent, ended with it.
struct Gnupg {
    dir: tempfile::TempDir,
}

impl Gnupg {
    fn new() -> Self {
        // Short: the agent's socket lies in it.
        let dir = tempfile::Builder::new().prefix("gpg-").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o700)).unwrap();
        Self { dir }
    }

    fn home(&self) -> &Path {
        self.dir.path()
    }

    fn gpg(&self, args: &[&str]) -> Program {
        program("gpg").args(["--batch", "--homedir"]).arg(self.home()).args(args)
    }

    /// A key of this kind, locked with a passphrase; gives its fingerprint.
    fn make(&self, kind: &str, passphrase: &str, end: &str) -> String {
        let pass = ["--pinentry-mode", "loopback", "--passphrase", passphrase];
        let user = format!("{kind} {end} <a@acme.example>");
        let make = ["--quick-gen-key", &user, kind, "sign", end];
        self.gpg(&[&pass[..], &make].concat()).run().expect_success();
        self.fingerprint(&user)
    }

    /// Makes a key in a token and has gpg use it there; gives its fingerprint.
    fn make_in_token(&self) -> String {
        let path = |name: &str| self.home().join(name).display().to_string();
        let write = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
        let openssl = |args: &[&str]| {
            program("openssl").args(args).dir(self.home()).run().expect_success();
        };
        let conf = path("softhsm2.conf");
        write("softhsm2.conf", &format!("directories.tokendir = {}\n", path("tokens")));
        std::fs::create_dir(path("tokens")).unwrap();
        let tool = |name: &str, args: &[&str]| {
            program(name).args(args).env("SOFTHSM2_CONF", &conf).run().expect_success();
        };
        tool(
            "softhsm2-util",
            &["--init-token", "--free", "--label", "repo", "--pin", PIN, "--so-pin", PIN],
        );
        openssl(&[
            "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-keyout", "key", "-out", "cert",
            "-subj", "/CN=a",
        ]);
        openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", "key", "-out", "key.p8"]);
        openssl(&["x509", "-in", "cert", "-outform", "DER", "-out", "cert.der"]);
        let here = ["--token", "repo", "--label", "sign", "--id", "01", "--pin", PIN];
        tool("softhsm2-util", &[&["--import", &path("key.p8")], &here[..]].concat());
        let object = ["--write-object", &path("cert.der"), "--type", "cert", "--id", "01"];
        tool(
            "pkcs11-tool",
            &[&["--module", MODULE, "--login", "--pin", PIN], &object[..]].concat(),
        );
        for private in ["key", "key.p8"] {
            std::fs::remove_file(path(private)).unwrap();
        }

        let scd = crate::harness::programs::require("gnupg-pkcs11-scd");
        let started = format!("#!/bin/sh\nSOFTHSM2_CONF={conf} exec {} \"$@\"\n", scd.display());
        write("scd", &started);
        write("pin", ASKED);
        for name in ["scd", "pin"] {
            std::fs::set_permissions(path(name), PermissionsExt::from_mode(0o700)).unwrap();
        }
        write("gnupg-pkcs11-scd.conf", &format!("providers p\nprovider-p-library {MODULE}\n"));
        let agent = format!("scdaemon-program {}\npinentry-program {}\n", path("scd"), path("pin"));
        write("gpg-agent.conf", &agent);
        self.gpg(&["--card-status"]).run().expect_success();
        let stub = std::fs::read_dir(path("private-keys-v1.d")).unwrap().next().unwrap().unwrap();
        let text = std::fs::read(stub.path()).unwrap();
        assert!(
            text.windows(21).any(|part| part == b"(shadowed-private-key")
                || text.starts_with(b"Token:")
        );
        let grip = stub.path().file_stem().unwrap().to_str().unwrap().to_owned();
        let asked = format!(
            "%no-protection\nKey-Type: RSA\nKey-Grip: {grip}\nKey-Usage: sign,cert\n\
             Name-Real: a token\nExpire-Date: 0\n%commit\n"
        );
        write("asked", &asked);
        self.gpg(&["--full-generate-key", &path("asked")]).run().expect_success();
        self.fingerprint("a token")
    }

    fn fingerprint(&self, user: &str) -> String {
        let list = self.gpg(&["--with-colons", "--list-keys", user]).run().expect_success();
        let line = list.stdout.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    fn export(&self, fingerprint: &str) -> String {
        self.gpg(&["--armor", "--export", fingerprint]).run().expect_success().stdout
    }

    fn export_private(&self, fingerprint: &str, passphrase: &str, to: &Path) {
        let pass = ["--pinentry-mode", "loopback", "--passphrase", passphrase];
        let export = ["--armor", "--export-secret-keys", fingerprint];
        let armored = self.gpg(&[&pass[..], &export].concat()).run().expect_success().stdout;
        std::fs::write(to, armored).unwrap();
        std::fs::set_permissions(to, PermissionsExt::from_mode(0o600)).unwrap();
    }
}

impl Drop for Gnupg {
    fn drop(&mut self) {
        // The agent of this home and no other.
        let _ = std::process::Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.home())
            .args(["--kill", "all"])
            .status();
    }
}

/// Adds lines below `[signing]`.
fn configure(server: &TestServer, lines: &str) {
    let path = server.data().join("repod.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("[signing]\n"), "{text}");
    std::fs::write(&path, text.replace("[signing]\n", &format!("[signing]\n{lines}\n"))).unwrap();
}

fn file(server: &TestServer, name: &str, content: &str, mode: u32) -> PathBuf {
    let path = PathBuf::from(server.at(name));
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    path
}

#[test]
fn gpg_signs_with_a_key_that_the_server_never_has() {
    let gnupg = Gnupg::new();
    let key = gnupg.make("rsa3072", "", "never");
    signs_elsewhere(gnupg, &key);
}

/// The private key lies in a token that gives it to nobody (SoftHSM, by PKCS #11).
#[test]
fn a_token_signs_with_a_key_that_nobody_can_read() {
    let gnupg = Gnupg::new();
    let key = gnupg.make_in_token();
    signs_elsewhere(gnupg, &key);
}

fn signs_elsewhere(gnupg: Gnupg, key: &str) {
    let mut server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let host = server.host("web1.example.org");
    host.update().expect_success();
    let public = file(&server, "gpg.asc", &gnupg.export(key), 0o644).display().to_string();
    let own = fingerprints(&server).remove(0);

    // Nothing signs with it yet: it is refused, and nothing is changed.
    let refused = server.repoctl(&["key", "add", &public]).expect_code(1);
    assert!(refused.says("signing.command"), "{refused}");
    assert_eq!(server.stop(), 0);
    let gpg = crate::harness::programs::require("gpg").display().to_string();
    let home = gnupg.home().display().to_string();
    configure(
        &server,
        &format!(
            "command = [\"{gpg}\", \"--batch\", \"--homedir\", \"{home}\", \"--digest-algo\", \
             \"SHA512\", \"--armor\", \"--local-user\", \"{{key}}\", \"--{{mode}}\"]"
        ),
    );
    server.serve();
    server
        .repoctl(&["key", "add", &public, "-m", "kept on a card"])
        .expect_success()
        .expect_says(key);
    let line = server.repoctl(&["audit", "--verb", "key-add"]).expect_success();
    assert!(line.says(key) && line.says("(kept on a card)"), "{line}");
    let keyring = server.data().join("keys/archive-key.asc");
    let signed = Signed::fetch(&server, "web1.example.org");
    assert_eq!(signed.gpgv(&keyring), 2);
    assert!(signed.sqv(Path::new(&public)));
    host.update().expect_success();
    host.install(&[super::CLIENT]).expect_success();
    settle(&host);
    host.update().expect_success();

    // Alone, without any private key on the server: changes, snapshots and restarts.
    server.repoctl(&["key", "retire", &own, "--yes"]).expect_success();
    server.upload("acme-web", "2.0").expect_success();
    let signed = Signed::fetch(&server, "web1.example.org");
    assert_eq!((signed.gpgv(&keyring), signed.sqv(Path::new(&public))), (1, true));
    assert_eq!(server.stop(), 0);
    std::fs::remove_dir_all(server.data().join("keys/retired")).unwrap();
    server.serve();
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    server.curl("web1.example.org", "snapshot/2/dists/stable/InRelease").run().expect_success();
    server.check("web1.example.org", "stable");

    // What does not sign is told, and what was live stays.
    drop(gnupg);
    let failed = server.upload("acme-web", "3.0").expect_code(4);
    assert!(failed.says("signing.command") && failed.says(key), "{failed}");
    host.update().expect_success();
    assert_eq!(server.check("web1.example.org", "stable").versions("acme-web"), ["2.0"]);
}

#[test]
fn a_locked_key_is_opened_by_a_file_or_a_credential() {
    let mut server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let _host = server.host("web1.example.org");
    assert_eq!(server.stop(), 0);
    let config = server.at("data/repod.toml");
    let gnupg = Gnupg::new();
    let key = gnupg.make("ed25519", "open sesame", "never");
    let private = PathBuf::from(server.at("private.asc"));
    gnupg.export_private(&key, "open sesame", &private);
    let import = || {
        let private = private.display().to_string();
        server.repod(&["key", "import", &private, "--config", &config])
    };
    import().run().expect_code(1).expect_says("repod-signing-passphrase");
    let passphrase = file(&server, "passphrase", "wrong\n", 0o600);
    configure(&server, "passphrase_file = \"../passphrase\"");
    import().run().expect_code(1).expect_says("does not open it");
    // What the service manager hands over goes first.
    std::fs::create_dir(server.at("credentials")).unwrap();
    file(&server, "credentials/repod-signing-passphrase", "open sesame", 0o400);
    let credentials = server.at("credentials");
    let handed = import().env("CREDENTIALS_DIRECTORY", &credentials).run().expect_success();
    assert!(handed.says(&key), "{handed}");
    std::fs::write(&passphrase, "open sesame\n").unwrap();

    let kept = server.data().join(format!("keys/signing-{key}.asc"));
    let kept = std::fs::read_to_string(kept).unwrap();
    assert!(kept.contains("PRIVATE KEY"));
    server.serve();
    let keyring = server.data().join("keys/archive-key.asc");
    let begun = std::time::Instant::now();
    while Signed::fetch(&server, "web1.example.org").gpgv(&keyring) != 2 {
        assert!(begun.elapsed().as_secs() < 60, "{}", server.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // One that is made now is locked too.
    server.repoctl(&["key", "rotate"]).expect_success();
    let made = fingerprints(&server).remove(2);
    assert_eq!(server.stop(), 0);
    std::fs::write(&passphrase, "another\n").unwrap();
    let refused = server.repod(&["serve", "--config", &config]).run().expect_code(1);
    assert!(refused.says(&key) || refused.says(&made), "{refused}");
    assert!(refused.says("does not open it"), "{refused}");
}

#[test]
fn keys_that_a_verifier_refuses_are_refused_with_the_reason() {
    let mut server = TestServer::start();
    assert_eq!(server.stop(), 0);
    let config = server.at("data/repod.toml");
    let gnupg = Gnupg::new();
    for (kind, end, why) in [
        ("rsa2048", "never", "RSA with 2048 bits"),
        ("dsa2048", "never", "key"),
        ("brainpoolP256r1", "never", "key"),
        ("secp256k1", "never", "key"),
        ("ed25519", "1y", "it has an end"),
    ] {
        let key = gnupg.make(kind, "", end);
        let private = PathBuf::from(server.at("private.asc"));
        gnupg.export_private(&key, "", &private);
        let private = private.display().to_string();
        let refused = server.repod(&["key", "import", &private, "--config", &config]).run();
        refused.expect_code(1).expect_says(why);
    }
    assert!(!server.data().join("keys/ring.json").exists());
    server.serve();
}
