//! Scrub: the thread on which all that is stored is read again, and the files beside the stores that
//! it looks at.

#![expect(clippy::disallowed_methods, reason = "this file keeps the place of the scrub")]

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing::error;

use super::certificate::load_identity;
use super::watch::Watch;
use super::{beside, ca};
use crate::config::Config;
use crate::flow::scrub::place::Place;
use crate::flow::scrub::surroundings::{Loaded, Surroundings};
use crate::flow::scrub::turns;

/// The most that is read of the place. Unit: bytes.
const PLACE_BYTES: u64 = 4 << 20;
/// How long after a fault the files are looked at once more: somebody may be writing them.
const ONCE_MORE: Duration = Duration::from_secs(2);

/// The running scrub.
pub(super) struct Scrub {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

/// Whether it is to stop.
#[derive(Default)]
struct Stop {
    is_wanted: Mutex<bool>,
    changed: Condvar,
}

impl Scrub {
    /// Starts it on a thread of its own: it waits nearly all of its time, for months. The priority of
    /// the thread stays as it is, because the unit of systemd forbids to alter it.
    pub(super) fn start(watch: Arc<Watch>) -> Self {
        let stop = Arc::new(Stop::default());
        let outside = Outside { watch, stop: Arc::clone(&stop) };
        let work = move || turns::run(&outside.watch.repository, &outside);
        let thread = std::thread::Builder::new().name("scrub".into()).spawn(work);
        let thread = thread.inspect_err(|problem| error!(%problem, "there is no scrub"));
        Self { stop, thread: thread.ok() }
    }

    /// Ends it, once its place is kept. Blocks until then.
    pub(super) fn end(mut self) {
        *self.stop.is_wanted.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.changed.notify_all();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the scrub stopped before its end");
        }
    }
}

struct Outside {
    watch: Arc<Watch>,
    stop: Arc<Stop>,
}

impl Surroundings for Outside {
    fn load(&self) -> Loaded {
        let path = self.watch.data.scrub();
        let mut text = String::new();
        let read =
            File::open(&path).and_then(|file| file.take(PLACE_BYTES).read_to_string(&mut text));
        match read {
            Err(problem) if problem.kind() == ErrorKind::NotFound => Loaded::Absent,
            Err(problem) => Loaded::Damaged(format!("{}: {problem}", path.display())),
            Ok(_) => match Place::parse(&text) {
                Some(place) => Loaded::Place(Box::new(place)),
                None => Loaded::Damaged(format!("{} is not what was written", path.display())),
            },
        }
    }

    fn keep(&self, place: &Place) -> Result<(), String> {
        let path = self.watch.data.scrub();
        let temporary = path.with_extension("new");
        let text = place.write()?;
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o640)
            .open(&temporary)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&temporary, &path));
        written.map_err(|problem| format!("{}: {problem}", path.display()))
    }

    fn faults(&self) -> Vec<String> {
        let first = self.faults_now();
        if first.is_empty() || !self.pause(ONCE_MORE) {
            return first;
        }
        // A change of keys writes several files, one after the other.
        let again = self.faults_now();
        first.into_iter().filter(|fault| again.contains(fault)).collect()
    }

    fn pause(&self, long: Duration) -> bool {
        let is_wanted = self.stop.is_wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if long.is_zero() {
            return !*is_wanted;
        }
        let waited = self.stop.changed.wait_timeout_while(is_wanted, long, |wanted| !*wanted);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Outside {
    fn faults_now(&self) -> Vec<String> {
        let Watch { config, data, repository, .. } = &*self.watch;
        let now = repository.now();
        let mut faults = Vec::new();
        match beside::dates(&*repository.catalogue, data, now) {
            Ok(found) => faults.extend(found.into_iter().map(|finding| finding.text)),
            Err(problem) => faults.push(problem.to_string()),
        }
        let keyring = beside::keyring(config, data, &*repository.catalogue, now);
        faults.extend(keyring.into_iter().map(|finding| finding.text));
        if let Err(problem) = load_identity(config, data) {
            faults.push(format!("the server's certificate: {problem}"));
        }
        match ca::load(config, data) {
            Ok(Some(_)) => {}
            Ok(None) if repository.authority.is_none() => {}
            Ok(None) => faults.push(format!("{} is gone", data.ca().join("ca.key").display())),
            Err(problem) => faults.push(problem.to_string()),
        }
        // It may be elsewhere.
        if data.config().exists()
            && let Err(problem) = Config::load(&data.config())
        {
            faults.push(format!("the configuration: {problem}"));
        }
        faults
    }
}
