//! A repository in this process: real stores in a directory, stores that fail around them, and a clock
//! that is moved by hand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use repod::catalogue::{Access, SqliteCatalogue};
use repod::debian::{Component, SuiteName};
use repod::digest::Digest;
use repod::domain::audit::Search;
use repod::domain::layout::RepoPath;
use repod::domain::{
    Actor, Admitted, Change, Event, Grant, Identity, Outcome, Right, Role, SuiteScope, SuiteSpec,
    access,
};
use repod::flow::audit::seal;
use repod::flow::change::submit::{Terms, submit};
use repod::flow::serve::fetch;
use repod::flow::serve::source::Source as From;
use repod::flow::upload::batch;
use repod::flow::upload::body::{self, RoomFor};
use repod::flow::upload::single::{Declared, upload};
use repod::flow::{FlowError, FlowLimits, Parts, Repository};
use repod::pool::DiskPool;
use repod::signing::{DateFloor, KeyKind, SecretKey, Signer, generate};
use repod::time::{Clock as _, HandClock, Moment, SystemClock};
use repod::trust::{CertificateAuthority, NewRequest, Peer, Trust, TrustFiles};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use tempfile::TempDir;

use super::faults::{Faults, FaultyCatalogue, FaultyPool};
use crate::check::fetch::{Answer, Source};
use crate::check::{Report, check_suite};

/// Long enough for half of a suite's validity, and still behind the clock by which gpgv judges.
const AGO_SECONDS: i64 = 200 * 86_400;
/// How long suites of these tests are valid; the most that is allowed.
pub const VALID_SECONDS: i64 = 366 * 86_400;

/// What somebody shows.
pub type Chain = Vec<CertificateDer<'static>>;

/// What every house of a test shares: keys, a CA, one identity that may do everything.
pub struct Ground {
    dir: TempDir,
    trust: Arc<Trust>,
    chain: Chain,
    grant: Grant,
    begun: Moment,
}

/// In memory where there is room: what fails here are the stores, and never the disk, which would take
/// most of the time. Who kills processes and cuts power does so on a disk.
fn dir() -> TempDir {
    const LEAST_BYTES: u64 = 2 << 30;
    let memory = Path::new("/dev/shm");
    let space = rustix::fs::statvfs(memory).ok();
    let has_room = space.is_some_and(|space| space.f_bavail * space.f_frsize >= LEAST_BYTES);
    let builder = tempfile::Builder::new().prefix("repod-house-").to_owned();
    match has_room {
        true => builder.tempdir_in(memory).unwrap(),
        false => builder.tempdir().unwrap(),
    }
}

impl Ground {
    pub fn new() -> Self {
        let dir = dir();
        let begun = SystemClock.now().plus(-AGO_SECONDS);
        let key = generate(KeyKind::Ed25519, "test archive key", begun).unwrap();
        key.write_new(dir.path().join("signing.asc")).unwrap();
        std::fs::write(dir.path().join("public.asc"), key.public_armored().unwrap()).unwrap();
        let ca = dir.path().join("ca");
        let authority = CertificateAuthority::create(&ca, "test", begun).unwrap();
        authority.publish_crl(&[], begun, 2 * AGO_SECONDS).unwrap();
        let identity = Identity::parse("everyone.example.org").unwrap();
        let chain = chain_by(&authority, &identity, begun);
        let trust = Arc::new(Trust::load(TrustFiles::of_directory(&ca), begun).unwrap());
        let grant = Grant::whole(identity, Role::Admin, SuiteScope::All);
        Self { dir, trust, chain, grant, begun }
    }

    /// The chain of somebody else.
    pub fn chain_of(&self, name: &str) -> Chain {
        let authority = CertificateAuthority::load(&self.dir.path().join("ca")).unwrap();
        chain_by(&authority, &Identity::parse(name).unwrap(), self.begun)
    }

    /// A clock at the time when the keys were made.
    pub fn clock(&self) -> HandClock {
        HandClock::at(self.begun)
    }

    /// A place for stores, not yet made.
    pub fn place(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The public key, armored.
    pub fn key(&self) -> PathBuf {
        self.dir.path().join("public.asc")
    }

    /// The file of the key that signs.
    pub fn signing_key(&self) -> PathBuf {
        self.dir.path().join("signing.asc")
    }

    /// The public key that signs.
    fn public(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("public.asc")).unwrap()
    }

    /// Whom the tests act as.
    pub fn admitted(&self) -> Admitted {
        access::admit(&self.grant.identity, Some(&self.grant), Right::Administer).unwrap()
    }
}

fn chain_by(authority: &CertificateAuthority, identity: &Identity, at: Moment) -> Chain {
    let request = NewRequest::make().unwrap();
    let issued = authority.issue_client(identity, &request.csr_pem, 1000, at).unwrap();
    vec![CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap()]
}

/// Copies stores as a power cut leaves them: while somebody has them open.
pub fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(target).unwrap();
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A repository over the stores in a directory.
pub struct House<'g> {
    pub repository: Arc<Repository>,
    pub faults: Arc<Faults>,
    pub clock: HandClock,
    pub ground: &'g Ground,
    runtime: tokio::runtime::Runtime,
}

impl<'g> House<'g> {
    /// Opens the stores in `place`, and makes them when there are none.
    pub fn open(ground: &'g Ground, place: &Path, clock: &HandClock) -> Self {
        Self::open_among(ground, place, clock, Faults::new())
    }

    /// The same, where stores fail from the first call on.
    pub fn open_among(
        ground: &'g Ground,
        place: &Path,
        clock: &HandClock,
        faults: Arc<Faults>,
    ) -> Self {
        Self::open_with(ground, place, clock, faults, FlowLimits::default())
    }

    /// The same within these limits.
    pub fn open_with(
        ground: &'g Ground,
        place: &Path,
        clock: &HandClock,
        faults: Arc<Faults>,
        limits: FlowLimits,
    ) -> Self {
        Self::open_all(ground, place, clock, (faults, limits), None)
    }

    /// The same, with the embedded CA.
    pub fn open_with_ca(ground: &'g Ground, place: &Path, clock: &HandClock) -> Self {
        let authority = CertificateAuthority::load(&ground.dir.path().join("ca")).unwrap();
        Self::open_all(
            ground,
            place,
            clock,
            (Faults::new(), FlowLimits::default()),
            Some(authority),
        )
    }

    fn open_all(
        ground: &'g Ground,
        place: &Path,
        clock: &HandClock,
        (faults, limits): (Arc<Faults>, FlowLimits),
        authority: Option<CertificateAuthority>,
    ) -> Self {
        std::fs::create_dir_all(place).unwrap();
        let key = SecretKey::load(ground.signing_key()).unwrap();
        let floor = DateFloor::create(place.join("floor")).unwrap();
        let catalogue = SqliteCatalogue::open(&place.join("catalogue.sqlite")).unwrap();
        catalogue
            .record_grant(&ground.grant, &Event::done(Actor::server(), "grant", ground.begun))
            .unwrap();
        let pool = DiskPool::open(&place.join("pool"), 0).unwrap();
        let (catalogue, pool) = (Arc::new(catalogue), Arc::new(pool));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let parts = Parts {
            catalogue: Arc::new(FaultyCatalogue { inner: catalogue, faults: Arc::clone(&faults) }),
            pool: Arc::new(FaultyPool { inner: pool, faults: Arc::clone(&faults) }),
            signer: Arc::new(Signer::new(vec![key], floor).unwrap()),
            trust: Arc::clone(&ground.trust),
            authority,
            clock: Arc::new(clock.clone()),
            limits,
        };
        let repository = {
            let _within = runtime.enter();
            Repository::open(parts).unwrap()
        };
        Self { repository, faults, clock: clock.clone(), ground, runtime }
    }

    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// What a suite of these tests is.
    pub fn spec(suite: &str) -> SuiteSpec {
        SuiteSpec {
            alias: None,
            rings: Default::default(),
            rollout: Default::default(),
            keep: Default::default(),
            name: SuiteName::parse(suite).unwrap(),
            origin: "Test".into(),
            label: "Test".into(),
            description: String::new(),
            components: vec![Component::parse("main").unwrap()],
            architectures: vec!["amd64".parse().unwrap()],
            owns: Vec::new(),
            allows: Vec::new(),
            valid_seconds: VALID_SECONDS,
            not_automatic: false,
            but_automatic_upgrades: false,
            changelogs: None,
            snapshots: None,
            // Made behind a change, they would be steps of no case's own.
            contents: false,
            pdiffs: true,
            translations: false,
            versions: Default::default(),
            namespace: Default::default(),
        }
    }

    /// Makes a suite.
    pub fn create(&self, suite: &str) -> Result<Outcome, FlowError> {
        self.create_as(Self::spec(suite))
    }

    /// Makes a suite of this description.
    pub fn create_as(&self, spec: SuiteSpec) -> Result<Outcome, FlowError> {
        self.clock.advance(2);
        self.block_on(repod::flow::upkeep::suite::create(
            &self.repository,
            &self.ground.admitted(),
            spec,
        ))
    }

    /// Asks for a change, once a new Date is due.
    pub fn change(&self, suite: &str, change: Change) -> Result<Outcome, FlowError> {
        self.clock.advance(2);
        self.block_on(self.changing(suite, change))
    }

    /// Asks for a change at the present moment.
    pub async fn changing(&self, suite: &str, change: Change) -> Result<Outcome, FlowError> {
        let (suite, by) = (SuiteName::parse(suite).unwrap(), self.ground.admitted());
        submit(&self.repository, &by, &suite, change, Terms::default()).await
    }

    /// The change that takes into another suite all that this one lists.
    pub fn promotion(&self, from: &str) -> Result<Change, FlowError> {
        let (from, by) = (SuiteName::parse(from).unwrap(), self.ground.admitted());
        let all = repod::domain::promotion::Wanted::default();
        let asked = repod::flow::change::promote::change(&self.repository, &by, &from, None, all);
        self.block_on(asked)
    }

    /// Sends packages; gives the change that takes them into a suite.
    pub fn send(&self, debs: &[Vec<u8>]) -> Result<Change, FlowError> {
        let by = self.ground.admitted();
        let send = async {
            let mut items = Vec::new();
            for deb in debs {
                let body = bytes::Bytes::from(deb.clone());
                let body = futures_util::stream::iter([Ok::<_, std::io::Error>(body)]);
                let sent = upload(&self.repository, &by, body, Declared::default()).await?;
                items.push((Component::parse("main").unwrap(), sent.digest));
            }
            Ok(Change::Add(items))
        };
        self.block_on(send)
    }

    /// Sends packages in one batch; gives the change that takes them into a suite.
    pub fn send_together(&self, debs: &[Vec<u8>]) -> Result<Change, FlowError> {
        let by = self.ground.admitted();
        let sealed = |deb: &Vec<u8>| (Digest::of(deb), bytes::Bytes::from(deb.clone()));
        let packages: Vec<_> = debs.iter().map(sealed).collect();
        let main = Component::parse("main").unwrap();
        let items = packages.iter().map(|(digest, _)| (main.clone(), *digest)).collect();
        let room = self.block_on(body::room(&self.repository, RoomFor::Large, &None, 1 << 20))?;
        let sent = batch::upload_all(&self.repository, &by, packages, room);
        self.block_on(sent)?.into_iter().try_for_each(|(_, outcome)| outcome)?;
        Ok(Change::Add(items))
    }

    /// What is served under a path, as a host with a certificate gets it.
    pub fn served(&self, path: &str) -> Result<Answer, FlowError> {
        self.served_to(&self.ground.chain, path)
    }

    /// The same, as whoever shows this chain gets it.
    pub fn served_to(&self, chain: &Chain, path: &str) -> Result<Answer, FlowError> {
        self.block_on(async {
            let peer = Peer::new(chain.clone());
            let standing = peer.standing(&self.ground.trust, self.repository.now())?;
            let absent = || FlowError::Missing(path.into());
            let parsed = RepoPath::parse(path).ok_or_else(absent)?;
            let (fetched, _) = fetch::fetch(&self.repository, &standing, parsed).await?;
            let mut body = Vec::new();
            match fetched.source {
                From::Text(text) => body.extend_from_slice(text.as_ref()),
                From::File(file, offset) => {
                    body.resize(usize::try_from(fetched.size_bytes).unwrap(), 0);
                    std::os::unix::fs::FileExt::read_exact_at(&file, &mut body, offset).unwrap();
                }
                From::Rope(segments) => {
                    for segment in segments {
                        body.extend_from_slice(&segment.read(&self.repository).await?);
                    }
                }
            }
            assert_eq!(body.len() as u64, fetched.size_bytes, "{path}");
            let modified = ("last-modified".to_owned(), fetched.last_modified.at.http_date());
            Ok(Answer { status: 200, headers: [modified].into(), body })
        })
    }

    /// The head of a suite; `None` when none is served.
    pub fn in_release(&self, suite: &str) -> Option<Vec<u8>> {
        self.served(&format!("dists/{suite}/InRelease")).ok().map(|answer| answer.body)
    }

    /// Walks everything that a suite names, by the independent checker.
    #[track_caller]
    pub fn check(&self, suite: &str) -> Report {
        let (catalogue, keys) = (&*self.repository.catalogue, self.ground.public());
        let audit = seal::verify(catalogue, &keys, self.repository.now());
        assert_eq!(audit.faults, Vec::<String>::new());
        self.expect_a_line_for_each_generation(suite);
        check_suite(self, suite, &self.ground.key()).unwrap()
    }
}

impl House<'_> {
    /// Every generation is told of in the log, and no other.
    #[track_caller]
    fn expect_a_line_for_each_generation(&self, suite: &str) {
        let catalogue = &self.repository.catalogue;
        let name = SuiteName::parse(suite).unwrap();
        let generations = catalogue.list_generations(&name, None, u32::MAX).unwrap();
        let generations: BTreeSet<_> = generations.iter().map(|one| one.generation).collect();
        let search = Search { suite: Some(suite.into()), ..Search::default() };
        let entries = catalogue.list_entries(&search, 0, u32::MAX).unwrap();
        let told = entries.iter().map(|entry| &entry.event);
        let told: BTreeSet<_> = told
            .filter(|event| event.after != event.before)
            .filter_map(|event| event.after)
            .collect();
        assert_eq!(told, generations);
    }
}

impl Source for House<'_> {
    fn fetch(&self, paths: &[String]) -> Vec<Answer> {
        let answer = |path: &String| match self.served(path) {
            Ok(answer) => answer,
            Err(error) => {
                let why = ("curl-says".to_owned(), error.to_string());
                Answer { status: 404, headers: [why].into(), body: Vec::new() }
            }
        };
        paths.iter().map(answer).collect()
    }
}
