//! Recognise: reads bytes to their end as a `.deb`, and checks its control file as a whole.

use std::io::Read;
use std::time::Duration;

use tracing::warn;

use crate::catalogue::NewPackage;
use crate::cause::Cause;
use crate::debian::{Control, DebError, DebLimits, FileList, Privilege, deb};
use crate::digest::Digest;
use crate::domain::{Package, Text, layout};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::state::shares::Sender;
use crate::flow::state::upload_memory;
use crate::time::thread_time;

/// Most that the paths of one package may add up to; beyond, its file list is not kept. Unit:
/// bytes.
const FILE_LIST_BYTES: u64 = 4 << 20;

/// A valid package.
pub(crate) struct Recognised {
    control: Control,
    /// Its packed file list; `None` when that is too long to be kept.
    pub file_list: Option<Vec<u8>>,
}

/// Reads a whole `.deb` of a sender.
///
/// # Errors
/// [`FlowError::Rejection`] with every reason; [`FlowError::Internal`] when `input` fails.
pub(crate) fn recognise(
    repository: &Repository,
    of: Sender,
    input: impl Read,
) -> Result<Recognised, FlowError> {
    let limits = repository.limits();
    // A package that needs more than the whole memory would wait for ever.
    let whole_bytes = repository.memory.whole_bytes();
    let decoder_bytes = limits.deb.decoder_bytes.min(whole_bytes);
    let memory_bytes = limits.deb.memory_bytes.min(whole_bytes);
    let limits = DebLimits { decoder_bytes, memory_bytes, ..limits.deb.clone() };
    let mut list = FileList::new(FILE_LIST_BYTES);
    let most_bytes = repository.limits().deb.memory_bytes;
    let lender = repository.memory.lender(of);
    let parts = deb::read_deb_with(input, &limits, &lender, &mut |path| list.push(path))
        .map_err(|error| rejection(error, most_bytes))?;
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

/// `most_bytes` is the most that a package may get, whatever the setting of the server's memory.
fn rejection(error: DebError, most_bytes: u64) -> FlowError {
    match error {
        DebError::Read(error) => FlowError::Internal(Cause::of(error)),
        DebError::Memory { needs_bytes, .. } if needs_bytes <= most_bytes => {
            let whole_bytes = upload_memory::whole_for(needs_bytes);
            let problem = format!(
                "{error}; or the operator of the server sets limits.memory_bytes in repod.toml to \
                 {whole_bytes} or more"
            );
            FlowError::Rejection(vec![(None, problem)])
        }
        other => FlowError::Rejection(vec![(None, other.to_string())]),
    }
}

impl Recognised {
    /// The record of the package, under this digest.
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
        NewPackage::of(package, stanza, Privilege::of(control.stanza()), file_list)
    }
}

/// How many sent bytes add one second to the processor time that every package may take. Without a
/// limit, a few bytes that unpack to gigabytes would hold a place that other uploads wait for.
const WORK_BYTES_PER_SECOND: u64 = 1 << 20;

/// A stopwatch for the work that a sender causes in one thread. It runs from the start.
///
/// It counts processor time, so that the verdict depends neither on the other load of the machine
/// nor on how slowly the bytes arrive.
pub(crate) struct Effort {
    /// What every package may take.
    each: Duration,
    worked: Duration,
    since: Duration,
}

impl Effort {
    /// A running stopwatch.
    pub(crate) fn begin(each: Duration) -> Self {
        Self { each, worked: Duration::ZERO, since: thread_time() }
    }

    /// Counts the time since the last pause or resume, and gives it.
    pub(crate) fn pause(&mut self) -> Duration {
        let now = thread_time();
        let more = now.saturating_sub(self.since);
        self.worked = self.worked.saturating_add(more);
        self.since = now;
        more
    }

    /// Goes on without counting the time since the last pause.
    pub(crate) fn resume(&mut self) {
        self.since = thread_time();
    }

    /// Whether the time counted so far is more than a package of `sent_bytes` may take.
    pub(crate) fn is_beyond(&self, sent_bytes: u64) -> bool {
        self.worked > allowed(self.each, sent_bytes)
    }

    /// The rejection of a package that took too long.
    pub(crate) fn rejection(&self, sent_bytes: u64) -> FlowError {
        let problem = format!(
            "it takes too long to unpack for its size: more than {} s of processor time, which are {} s and one \
             for each MiB that was sent; build it with less compression",
            allowed(self.each, sent_bytes).as_secs_f64(),
            self.each.as_secs_f64(),
        );
        FlowError::Rejection(vec![(None, problem)])
    }
}

/// How much processor time a package of this size may take.
pub(crate) fn allowed(each: Duration, sent_bytes: u64) -> Duration {
    each.saturating_add(Duration::from_secs(sent_bytes / WORK_BYTES_PER_SECOND))
}
