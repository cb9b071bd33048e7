//! What has to be renewed is renewed in time: a server in this process, over a clock that is moved.

use std::path::Path;
use std::sync::Arc;

use repod::config::Config;
use repod::debian::SuiteName;
use repod::domain::Change;
use repod::domain::SuiteEdit;
use repod::domain::{
    Admitted, Grant, Identity, PinKind, PinTarget, Right, Role, SuiteScope, access,
};
use repod::flow::Repository;
use repod::flow::change::submit::{Terms, submit};
use repod::flow::upkeep::refresh;
use repod::flow::upload::single::{Declared, upload};
use repod::init::{InitOptions, InitTrust, init};
use repod::server::Server;
use repod::signing::KeyKind;
use repod::time::{Clock, HandClock, Moment};

use crate::harness::deb::DebBuilder;
use crate::harness::server::package;

pub(crate) const DAY: i64 = 86_400;
pub(crate) const START: Moment = Moment(1_800_000_000);

/// A repository whose clock is moved by hand.
pub(crate) struct Moved {
    _dir: tempfile::TempDir,
    pub(crate) data: std::path::PathBuf,
    pub(crate) clock: HandClock,
    server: Option<Server>,
    pub(crate) repository: Arc<Repository>,
    pub(crate) admin: Admitted,
}

impl Moved {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), InitTrust::default()).await
    }

    /// The same with a CA whose private key is locked; its passphrase is gone once the server is open.
    async fn start_locked() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("passphrase");
        std::fs::write(&file, "open sesame").unwrap();
        let trust = InitTrust::Embedded { passphrase_file: Some(file.clone()) };
        let moved = Self::start_in(dir, trust).await;
        std::fs::remove_file(file).unwrap();
        moved
    }

    async fn start_in(dir: tempfile::TempDir, trust: InitTrust) -> Self {
        let data = dir.path().join("data");
        let address = |port: u16| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let options = InitOptions {
            data: data.clone(),
            name: "repo.example.org".into(),
            port: 8443,
            listen: vec![address(0)],
            local: vec![],
            key: KeyKind::Ed25519,
            operator: Identity::parse("operator").unwrap(),
            trust,
        };
        init(&options, START).unwrap();
        let clock = HandClock::at(START.plus(10));
        let server = open(&data, &clock);
        let repository = server.repository();
        let moved =
            Self { _dir: dir, data, clock, server: Some(server), repository, admin: admin() };
        let spec = serde_json::json!({
            "name": "stable", "origin": "Acme", "label": "Acme", "components": ["main"],
            "architectures": ["amd64"], "valid_seconds": 14 * DAY,
            // A head is signed again when they are made.
            "contents": false,
        });
        let spec = serde_json::from_value(spec).unwrap();
        moved.later(2);
        repod::flow::upkeep::suite::create(&moved.repository, &moved.admin, spec).await.unwrap();
        moved
    }

    /// The same data, opened again.
    pub(crate) async fn reopened(mut self) -> Self {
        self.server = None;
        let server = open(&self.data, &self.clock);
        let repository = server.repository();
        Self { server: Some(server), repository, ..self }
    }

    pub(crate) fn later(&self, seconds: i64) {
        self.clock.advance(seconds);
    }

    pub(crate) async fn upload(&self, name: &str, version: &str) {
        self.later(2);
        let digest = self.stage(name, version).await;
        self.change(Change::Add(vec![("main".parse().unwrap(), digest)])).await;
    }

    /// Sends a package that no change names yet.
    pub(crate) async fn stage(&self, name: &str, version: &str) -> repod::digest::Digest {
        self.stage_built(&package(name, version)).await
    }

    pub(crate) async fn stage_built(&self, deb: &DebBuilder) -> repod::digest::Digest {
        let bytes = bytes::Bytes::from(deb.build());
        let body = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes)]);
        upload(&self.repository, &self.admin, body, Declared::default()).await.unwrap().digest
    }

    pub(crate) async fn change(&self, change: Change) {
        self.notes_of(change).await;
    }

    /// The same, with what is said to people.
    async fn notes_of(&self, change: Change) -> Vec<String> {
        self.later(2);
        let terms = Terms::default();
        submit(&self.repository, &self.admin, &stable(), change, terms).await.unwrap().notes
    }

    /// Lets pins end whose time is over, until the suite has none.
    async fn end_pins(&self) {
        refresh::refresh(&self.repository).await;
        let begun = std::time::Instant::now();
        while !self.repository.desk(&stable()).unwrap().state().pins.is_empty() {
            assert!(begun.elapsed().as_secs() < 30, "{:?}", self.listed());
            self.later(1);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn head(&self) -> repod::domain::Head {
        self.repository.desk(&stable()).unwrap().state().head.clone().unwrap()
    }

    pub(crate) fn listed(&self) -> Vec<String> {
        let state = self.repository.desk(&stable()).unwrap().state();
        state
            .contents
            .packages()
            .map(|(_, p)| p)
            .map(|p| format!("{} {}", p.name, p.version))
            .collect()
    }
}

fn open(data: &Path, clock: &HandClock) -> Server {
    let begun = std::time::Instant::now();
    loop {
        let config = Config::load(&data.join("repod.toml")).unwrap();
        match Server::open(config, Arc::new(clock.clone())) {
            // A program that another test starts has the lock too, from its fork to its exec.
            Err(error)
                if error.to_string().contains("another repod uses")
                    && begun.elapsed().as_secs() < 10 =>
            {
                std::thread::yield_now();
            }
            opened => return opened.unwrap(),
        }
    }
}

pub(crate) fn stable() -> SuiteName {
    SuiteName::parse("stable").unwrap()
}

fn admin() -> Admitted {
    let identity = Identity::parse("operator").unwrap();
    let grant = Grant::whole(identity.clone(), Role::Admin, SuiteScope::All);
    access::admit(&identity, Some(&grant), Right::Administer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_renewed_when_half_of_its_life_is_over() {
    let moved = Moved::start().await;
    moved.upload("acme-web", "1.0").await;
    let first = moved.head();
    moved.later(6 * DAY);
    refresh::refresh(&moved.repository).await;
    assert_eq!(moved.head(), first, "renewed before it was due");
    moved.later(DAY + DAY / 2);
    refresh::refresh(&moved.repository).await;
    let second = moved.head();
    assert_eq!(second.generation, first.generation);
    assert!(second.date > first.date && second.valid_until > first.valid_until);
    let list = |text: &str| text.split_once("SHA256:").unwrap().1.to_string();
    assert_eq!(list(&second.release), list(&first.release), "the content is the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_revocation_list_and_the_ca_are_renewed_before_they_end() {
    renewed_before_they_end(&Moved::start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_whose_key_is_locked_renews_itself_without_the_passphrase() {
    renewed_before_they_end(&Moved::start_locked().await).await;
}

async fn renewed_before_they_end(moved: &Moved) {
    let ends = || moved.repository.trust.current().gate(moved.clock.now()).unwrap();
    let first = ends();
    moved.later(4 * DAY);
    refresh::refresh(&moved.repository).await;
    let second = ends();
    assert!(second > first);
    // Long unattended, it has run out; the next look renews it without a restart.
    moved.later(30 * DAY);
    assert!(moved.repository.trust.current().gate(moved.clock.now()).is_err());
    refresh::refresh(&moved.repository).await;
    assert!(ends() > second);
    let ca = || moved.repository.authority.as_ref().unwrap().lock().unwrap().not_after();
    let before = ca();
    moved.later(before.since(moved.clock.now()) - 300 * DAY);
    refresh::refresh(&moved.repository).await;
    assert!(ca() > before.plus(DAY), "the CA was not renewed");
    assert!(ends() > moved.clock.now());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_certificate_is_renewed_at_a_start_after_it_was_due() {
    renewed_at_a_start(Moved::start().await);
    let moved = Moved::start_locked().await;
    std::fs::write(moved.data.join("../passphrase"), "open sesame").unwrap();
    renewed_at_a_start(moved);
}

fn renewed_at_a_start(mut moved: Moved) {
    let certificate = || std::fs::read_to_string(moved.data.join("tls/server.crt")).unwrap();
    let first = certificate();
    moved.server = None;
    moved.later(80 * DAY);
    // The suite's writer lets go of the old repository once its last holder has.
    let again = open(&moved.data, &moved.clock);
    assert_ne!(certificate(), first);
    drop(again);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_with_an_end_ends_by_itself_and_lists_what_waited() {
    let moved = Moved::start().await;
    moved.upload("acme-web", "1.0").await;
    moved.upload("acme-web", "2.0").await;
    let target = PinTarget { kind: PinKind::Source, name: "acme-web".parse().unwrap() };
    moved.change(Change::Pin(target, "1.0".parse().unwrap(), Some(24))).await;
    assert_eq!(moved.listed(), ["acme-web 1.0"]);
    moved.upload("acme-web", "3.0").await;
    assert_eq!(moved.listed(), ["acme-web 1.0"], "a pinned package let a newer one through");
    moved.later(DAY);
    moved.end_pins().await;
    assert_eq!(moved.listed(), ["acme-web 3.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_pin_lists_nothing_of_an_architecture_that_was_removed() {
    let i386 = || vec!["i386".parse().unwrap()];
    for by_itself in [true, false] {
        let moved = Moved::start().await;
        moved
            .change(Change::Edit(Box::new(SuiteEdit {
                add_architectures: i386(),
                ..SuiteEdit::default()
            })))
            .await;
        // One source with builds for both, another with builds for the one that goes.
        for version in ["1.0", "2.0"] {
            moved.upload("acme-both", version).await;
            for name in ["acme-both", "acme-board"] {
                let built = DebBuilder::new(name, version, "i386");
                let digest = moved.stage_built(&built).await;
                moved.change(Change::Add(vec![("main".parse().unwrap(), digest)])).await;
            }
            if version == "1.0" {
                for name in ["acme-both", "acme-board"] {
                    moved.change(Change::Pin(source(name), "1.0".parse().unwrap(), Some(24))).await;
                }
            }
        }
        let edit =
            SuiteEdit { remove_architectures: i386(), with_packages: true, ..SuiteEdit::default() };
        moved.change(Change::Edit(Box::new(edit))).await;
        assert_eq!(moved.listed(), ["acme-both 1.0"]);
        let said = match by_itself {
            true => {
                moved.later(DAY);
                moved.end_pins().await;
                Vec::new()
            }
            false => moved.notes_of(Change::Unpin(Vec::new())).await,
        };
        assert_eq!(moved.listed(), ["acme-both 2.0"], "by itself: {by_itself}");
        let release = moved.head().release;
        assert!(release.contains("\nArchitectures: amd64\n"), "{release}");
        assert!(release.contains("/binary-amd64/") && !release.contains("i386"), "{release}");
        let note = "acme-board 2.0 (i386) stays out: suite stable does not have i386 any more; `repoctl suite \
                    edit stable --add-architecture i386` brings it back";
        assert!(by_itself || said == [note], "{said:?}");
        // Nothing of it waits hidden in the suite: to have the architecture again lists nothing.
        moved
            .change(Change::Edit(Box::new(SuiteEdit {
                add_architectures: i386(),
                ..SuiteEdit::default()
            })))
            .await;
        assert_eq!(moved.listed(), ["acme-both 2.0"], "by itself: {by_itself}");
    }
}

fn source(name: &str) -> PinTarget {
    PinTarget { kind: PinKind::Source, name: name.parse().unwrap() }
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_never_go_back_and_a_clock_that_does_stops_publishing() {
    let moved = Moved::start().await;
    moved.upload("acme-web", "1.0").await;
    let first = moved.head().date;
    moved.clock.advance(-3600);
    let bytes = bytes::Bytes::from(package("acme-web", "2.0").build());
    let body = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes)]);
    let sent = upload(&moved.repository, &moved.admin, body, Declared::default()).await.unwrap();
    let change = Change::Add(vec![("main".parse().unwrap(), sent.digest)]);
    let refused =
        submit(&moved.repository, &moved.admin, &stable(), change.clone(), Terms::default()).await;
    let problem = refused.unwrap_err().to_string();
    assert!(problem.contains("clock"), "{problem}");
    assert_eq!(moved.head().date, first);
    moved.clock.advance(3605);
    moved.change(change).await;
    assert!(moved.head().date > first);
    assert_eq!(moved.listed(), ["acme-web 2.0"]);
}
