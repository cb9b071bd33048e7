//! Pending files: what was made behind the generations, until it is listed and for as long as it is.

use std::collections::BTreeSet;

use crate::debian::pdiff::FileMark;
use crate::digest::Digest;
use crate::domain::layout::PATCHES_SUFFIX;
use crate::domain::{Encoding, IndexFile, StoredChunk, SuiteSpec};

/// What was made behind the generations of a suite.
#[derive(Default)]
pub(crate) struct PendingFiles {
    /// One group for each index that was looked at, though it may have no patches.
    patches: Vec<Patches>,
    /// What lags behind: listed from one generation to the next, until there is a newer one.
    lagging: Ready,
    /// The same as an earlier build made it, until a head lists indices of the present form: all files of a suite
    /// change together.
    former: Option<Vec<IndexFile>>,
    /// Chunks of what is being made.
    kept: Vec<StoredChunk>,
    /// What the head lists: paths and digests. `None` until it is looked up.
    listed: Option<BTreeSet<(String, Digest)>>,
}

/// Patches belong to one state of an index, for as long as generations list it.
struct Patches {
    /// Where the plain index stands.
    path: String,
    /// What it has to be.
    digest: Digest,
    /// The generation with which it became so; not known of what was recalled. A rollback makes it so again,
    /// and hosts have been led elsewhere meanwhile.
    since: Option<u64>,
    ready: Ready,
}

/// Files that wait to be listed, or are.
#[derive(Clone, Default)]
pub(crate) struct Ready {
    /// They themselves.
    pub files: Vec<IndexFile>,
    /// Their chunks, durable; none that are recorded for certain.
    pub chunks: Vec<StoredChunk>,
}

impl Ready {
    fn take(&mut self, other: &Self) {
        self.files.extend_from_slice(&other.files);
        self.chunks.extend_from_slice(&other.chunks);
    }
}

impl PendingFiles {
    /// Notes what the head lists from now on, beside indices with gzip files of this form: the chunks of that are
    /// recorded.
    pub(crate) fn list(&mut self, files: &[IndexFile], gz: Encoding) {
        if gz == Encoding::Gz {
            self.former = None;
        }
        let listed = names(files);
        let groups = self.patches.iter_mut().map(|group| &mut group.ready);
        for ready in groups.chain([&mut self.lagging]) {
            if names(&ready.files).is_subset(&listed) {
                ready.chunks.clear();
            }
        }
        self.listed = Some(listed);
    }

    /// Whether the head lists just these files.
    pub(crate) fn lists(&self, files: &[IndexFile]) -> bool {
        self.listed.as_ref().is_some_and(|listed| *listed == names(files))
    }

    /// What stands beside these indices, of which the gzip files have this form: their patches, and what lags.
    pub(crate) fn beside(&self, spec: &SuiteSpec, indices: &[IndexFile], gz: Encoding) -> Ready {
        let mut beside = Ready::default();
        let stands = |group: &&Patches| {
            indices.iter().any(|file| file.path == group.path && file.digest == group.digest)
        };
        if spec.pdiffs {
            let fitting = self.patches.iter().filter(stands);
            fitting.for_each(|group| beside.take(&group.ready));
        }
        match &self.former {
            _ if !spec.contents => {}
            Some(former) if gz == Encoding::Members => beside.files.extend_from_slice(former),
            _ => beside.take(&self.lagging),
        }
        beside
    }

    /// What lags behind, as it is to be listed.
    pub(crate) fn lagging(&self) -> Vec<IndexFile> {
        self.lagging.files.clone()
    }

    /// Takes what lags in the present form, of which earlier builds knew nothing.
    pub(crate) fn change_form(&mut self, lagging: Vec<IndexFile>) {
        if !self.lagging.files.is_empty() {
            self.former = Some(std::mem::replace(&mut self.lagging.files, lagging));
        }
    }

    /// Whether the patches of an index were made, be there any or none.
    pub(crate) fn is_patched(&self, path: &str, mark: &FileMark, since: u64) -> bool {
        let same = |group: &&Patches| group.path == path && group.digest == mark.digest;
        let group = self.patches.iter().find(same);
        group.is_some_and(|group| group.since.is_none_or(|known| known == since))
    }

    /// Takes the patches of an index, in the place of those that led to an earlier state of it.
    pub(crate) fn patch(&mut self, path: &str, mark: &FileMark, since: u64, ready: Ready) {
        self.put(Patches { path: path.to_owned(), digest: mark.digest, since: Some(since), ready });
    }

    fn put(&mut self, new: Patches) {
        self.patches.retain(|group| group.path != new.path);
        self.patches.push(new);
    }

    /// Notes chunks that were kept for what is being made.
    pub(crate) fn keep(&mut self, chunks: &[StoredChunk]) {
        self.kept.extend_from_slice(chunks);
    }

    /// Takes what lags behind from now on. Chunks of what it replaces may be among its own.
    pub(crate) fn lag(&mut self, files: Vec<IndexFile>) {
        let named: BTreeSet<Digest> =
            files.iter().flat_map(|file| file.chunks.iter().copied()).collect();
        let mut chunks = std::mem::take(&mut self.lagging.chunks);
        chunks.append(&mut self.kept);
        chunks.retain(|chunk| named.contains(&chunk.key));
        self.lagging = Ready { files, chunks };
    }

    /// Takes up what the head lists, of a suite that was just opened.
    pub(crate) fn recall(&mut self, files: &[IndexFile]) {
        if self.lagging.files.is_empty() {
            let lags = |file: &&IndexFile| file.made_of.is_some();
            self.lagging.files = files.iter().filter(lags).cloned().collect();
        }
        for index in files {
            let list = index.path.strip_suffix("/Index");
            let Some(directory) = list.filter(|path| path.ends_with(PATCHES_SUFFIX)) else {
                continue;
            };
            let path = directory.strip_suffix(PATCHES_SUFFIX).unwrap_or(directory);
            let Some(of) = files.iter().find(|file| file.path == path) else { continue };
            if self.patches.iter().all(|group| group.path != path) {
                let inside = |file: &&IndexFile| {
                    file.path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
                };
                let files = files.iter().filter(inside).cloned().collect();
                let ready = Ready { files, chunks: Vec::new() };
                let (path, digest) = (path.to_owned(), of.digest);
                self.put(Patches { path, digest, since: None, ready });
            }
        }
    }

    /// The packs of chunks that may not be recorded yet.
    pub(crate) fn packs(&self) -> Vec<Digest> {
        let chunks = self.patches.iter().flat_map(|group| &group.ready.chunks);
        let chunks = chunks.chain(&self.lagging.chunks).chain(&self.kept);
        chunks.map(|chunk| chunk.pack).collect()
    }
}

fn names(files: &[IndexFile]) -> BTreeSet<(String, Digest)> {
    files.iter().map(|file| (file.path.clone(), file.digest)).collect()
}
