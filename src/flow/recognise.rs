//! Recognise: bytes are read to their end as a `.deb`, and what it says of itself is checked whole.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracing::warn;

use crate::catalogue::NewPackage;
use crate::debian::deb::Lender;
use crate::debian::{Control, DebError, DebLimits, FileList, deb};
use crate::digest::Digest;
use crate::domain::{Package, Text, layout};
use crate::flow::{FlowError, Repository};

/// Most that the paths of one package may add up to for its list to be kept. Unit: bytes.
const FILE_LIST_BYTES: u64 = 4 << 20;

/// A sound package.
pub(crate) struct Recognised {
    control: Control,
    /// Its packed file list; `None` when that is too long to be kept.
    pub file_list: Option<Vec<u8>>,
}

/// Reads a whole `.deb`; `waits` are told how long it had to wait for memory.
///
/// # Errors
/// [`FlowError::Rejection`] with every reason; [`FlowError::Internal`] when `input` fails.
pub(crate) fn recognise(
    repository: &Repository,
    input: impl Read,
    waits: &[&Waits],
) -> Result<Recognised, FlowError> {
    let limits = repository.limits();
    // No package may need more than all there is: it would wait for ever.
    let decoder_bytes = limits.deb.decoder_bytes.min(repository.memory.whole_bytes());
    let limits = DebLimits { decoder_bytes, ..limits.deb.clone() };
    let mut list = FileList::new(FILE_LIST_BYTES);
    let lender = Noting { lender: &repository.memory, waits };
    let parts = deb::read_deb_with(input, &limits, &lender, &mut |path| list.push(path))
        .map_err(|error| rejection(&error))?;
    let control = Control::parse(&parts.control).map_err(|faults| {
        let reason = |fault: &crate::debian::Fault| match &fault.field {
            Some(field) => (Some(field.clone()), fault.problem.clone()),
            None => (None, format!("control file: {}", fault.problem)),
        };
        FlowError::Rejection(faults.iter().map(reason).collect())
    })?;
    let file_list = list.finish();
    if file_list.is_none() {
        let (package, version) = (control.package(), control.version());
        warn!(%package, %version, "its file list is too long to be kept; Contents will be without it");
    }
    Ok(Recognised { control, file_list })
}

fn rejection(error: &DebError) -> FlowError {
    match error {
        DebError::Read(error) => FlowError::Internal(error.to_string()),
        other => FlowError::Rejection(vec![(None, other.to_string())]),
    }
}

impl Recognised {
    /// What is recorded of it, under this digest.
    pub(crate) fn describe(self, digest: Digest, size_bytes: u64) -> NewPackage {
        let Self { control, file_list } = self;
        let (name, version, architecture) =
            (control.package(), control.version(), control.architecture());
        let kind = control.kind();
        let path = layout::pool_path(kind, name, version.without_epoch(), architecture, &digest);
        let stanza = control.published(&path, size_bytes, &digest);
        let package = Package {
            digest,
            name: name.clone(),
            version: version.clone(),
            architecture: architecture.clone(),
            source: control.source().clone(),
            source_version: control.source_version().clone(),
            size_bytes,
            stanza_bytes: u32::try_from(stanza.len()).unwrap_or(u32::MAX),
            stanza_digest: Digest::of(stanza.as_bytes()),
            kind,
            text: Text::of(kind, &stanza),
        };
        NewPackage { package, stanza, file_list }
    }
}

/// How long a package may take to unpack, and how much longer for each byte that was sent: a few bytes
/// can unpack to gigabytes, and would hold a place that other uploads wait for.
const WORK: Duration = Duration::from_secs(60);
const WORK_BYTES_PER_SECOND: u64 = 1 << 20;

/// How long was waited for memory, which is nobody's fault. Unit: milliseconds.
#[derive(Clone, Default)]
pub(crate) struct Waits(Arc<AtomicU64>);

/// Notes how long lending took.
struct Noting<'w> {
    lender: &'w dyn Lender,
    waits: &'w [&'w Waits],
}

impl Lender for Noting<'_> {
    fn lend(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let begun = Instant::now();
        self.lender.lend(bytes);
        let waited = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        for waits in self.waits {
            waits.0.fetch_add(waited, Ordering::Relaxed);
        }
    }

    fn take_back(&self, bytes: u64) {
        self.lender.take_back(bytes);
    }
}

/// A watch over the work that a sender causes. It runs from the start.
pub(crate) struct Effort {
    worked: Duration,
    since: Instant,
    /// What does not count.
    pub waits: Waits,
}

impl Default for Effort {
    fn default() -> Self {
        Self { worked: Duration::ZERO, since: Instant::now(), waits: Waits::default() }
    }
}

impl Effort {
    /// Stops the watch.
    pub(crate) fn pause(&mut self) {
        self.worked = self.worked.saturating_add(self.since.elapsed());
        self.since = Instant::now();
    }

    /// Lets it go on, without the time since it was stopped.
    pub(crate) fn resume(&mut self) {
        self.since = Instant::now();
    }

    /// Whether the work until the last pause is more than `sent_bytes` can be worth.
    pub(crate) fn is_beyond(&self, sent_bytes: u64) -> bool {
        let more = Duration::from_secs(sent_bytes / WORK_BYTES_PER_SECOND);
        let waited = Duration::from_millis(self.waits.0.load(Ordering::Relaxed));
        self.worked > WORK.saturating_add(more).saturating_add(waited)
    }
}

/// The rejection of what took too long.
pub(crate) fn overworked() -> FlowError {
    let problem = "it takes too long to unpack for its size; build it with less compression";
    FlowError::Rejection(vec![(None, problem.into())])
}
