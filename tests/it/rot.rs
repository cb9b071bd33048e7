//! Rot: a flipped bit or a lost file, in whatever is stored, is never signed and never served as
//! whole. It comes back where a copy or the stanza is there, and is named where not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::check::check_suite;
use crate::check::fetch::Curl;
use crate::harness::server::{TestServer, package};

mod catalogue;
mod check;
mod packages;
mod packs;
mod scrub;

/// How long a repair may take. Unit: seconds.
const PATIENCE: Duration = Duration::from_secs(60);

const HOST: &str = "web1.example.org";

/// A package's name, version and architecture.
type Listed = (String, String, String);

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
enum Rot {
    Flipped,
    Cut,
    Gone,
}

const ROTS: [Rot; 3] = [Rot::Flipped, Rot::Cut, Rot::Gone];

impl Rot {
    /// Does it to a file; `at` says where, of a thousand.
    fn befall(self, path: &Path, at: usize) {
        let mut bytes = fs::read(path).unwrap();
        let place = (bytes.len() - 1) * at / 1000;
        match self {
            Self::Flipped => bytes[place] ^= 1,
            Self::Cut => bytes.truncate(place),
            Self::Gone => return fs::remove_file(path).unwrap(),
        }
        fs::write(path, bytes).unwrap();
    }
}

/// A server with some packages, and a host that reads them.
struct House {
    server: TestServer,
    packages: BTreeSet<Listed>,
}

impl House {
    fn new() -> Self {
        let server = TestServer::start();
        for name in ["acme-api", "acme-db", "acme-web"] {
            server.upload(name, "1.0").expect_success();
        }
        server.host(HOST);
        let mut house = Self { server, packages: BTreeSet::new() };
        house.packages = house.whole();
        house
    }

    /// What `stable` lists, once everything that it names is whole.
    #[track_caller]
    fn whole(&self) -> BTreeSet<Listed> {
        self.whole_of("stable")
    }

    /// The same of a suite.
    #[track_caller]
    fn whole_of(&self, suite: &str) -> BTreeSet<Listed> {
        let own =
            PathBuf::from(self.server.at(&format!("hosts/{HOST}/etc/apt/repod/repo.example.org")));
        let source = Curl::new(&self.server.url())
            .ca(&self.server.data().join("ca/ca.crt"))
            .certificate(&own.join("client.crt"), &own.join("client.key"));
        let key = self.server.data().join("keys/archive-key.asc");
        let begun = Instant::now();
        loop {
            match check_suite(&source, suite, &key) {
                // Contents come some seconds later.
                Ok(report) if report.beside.iter().any(|path| path.contains("Contents")) => {
                    return report.packages;
                }
                other if begun.elapsed() > PATIENCE => {
                    panic!("the suite is not whole: {other:?}\n{}", self.server.log())
                }
                _ => std::thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    /// The stored files of a kind.
    fn stored(&self, kind: &str) -> Vec<PathBuf> {
        let fans = fs::read_dir(self.server.data().join("pool").join(kind)).unwrap();
        let files = fans.flat_map(|fan| fs::read_dir(fan.unwrap().path()).unwrap());
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }

    /// Does something to what is stored, while the server runs or not.
    fn meanwhile(&mut self, is_running: bool, rot: impl FnOnce(&Self)) {
        if !is_running {
            self.server.stop();
        }
        rot(self);
        if !is_running {
            self.server.serve();
        }
    }

    /// The warnings of `repoctl status`.
    fn warnings(&self) -> String {
        self.server.repoctl(&["status", "--json"]).expect_success().stdout
    }
}

/// Whether a file has the digest that is its name; `false` when it is not there.
fn is_sound(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    fs::read(path).is_ok_and(|bytes| hex::encode(Sha256::digest(bytes)) == name)
}
