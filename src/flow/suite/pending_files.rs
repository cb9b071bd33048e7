//! Pending files: files that were made after a generation, before and while a head lists them.

use std::collections::BTreeSet;

use crate::debian::pdiff::FileMark;
use crate::digest::Digest;
use crate::domain::layout::PATCHES_SUFFIX;
use crate::domain::{Encoding, IndexFile, StoredChunk, SuiteSpec};

/// The files of a suite that were made after its generations.
#[derive(Default)]
pub(crate) struct PendingFiles {
    /// One group for each index that was compared, also when it has no patches.
    patches: Vec<Patches>,
    /// Lagging files: each generation lists the same ones, until newer ones are made.
    lagging: Ready,
    /// The lagging files as an earlier build made them, until a head lists indices of the present
    /// form: all files of a suite change form together.
    former: Option<Vec<IndexFile>>,
    /// Chunks of files that are being made.
    kept: Vec<StoredChunk>,
    /// The paths and digests that the head lists; `None` until they are looked up.
    listed: Option<BTreeSet<(String, Digest)>>,
}

/// The patches to one state of an index, valid while generations list that state.
struct Patches {
    /// The path of the plain index.
    path: String,
    /// The digest of that state.
    digest: Digest,
    /// The generation that brought this state; `None` after a restart. A rollback may bring the
    /// same state again, and then hosts have other states to start from.
    since: Option<u64>,
    ready: Ready,
}

/// Files that wait to be listed or are listed.
#[derive(Clone, Default)]
pub(crate) struct Ready {
    /// The files.
    pub files: Vec<IndexFile>,
    /// Their durable chunks, without those that are certainly recorded.
    pub chunks: Vec<StoredChunk>,
}

impl Ready {
    fn take(&mut self, other: &Self) {
        self.files.extend_from_slice(&other.files);
        self.chunks.extend_from_slice(&other.chunks);
    }
}

impl PendingFiles {
    /// Notes the files that the head lists from now on, beside indices with gzip files of this
    /// form. Chunks of listed files are recorded.
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

    /// Whether the head lists exactly these files.
    pub(crate) fn lists(&self, files: &[IndexFile]) -> bool {
        self.listed.as_ref().is_some_and(|listed| *listed == names(files))
    }

    /// What to list beside these indices, whose gzip files have this form: their patches, and the
    /// lagging files.
    pub(crate) fn beside(&self, spec: &SuiteSpec, indices: &[IndexFile], gz: Encoding) -> Ready {
        let mut beside = Ready::default();
        let fits = |group: &&Patches| {
            indices.iter().any(|file| file.path == group.path && file.digest == group.digest)
        };
        if spec.pdiffs {
            let fitting = self.patches.iter().filter(fits);
            fitting.for_each(|group| beside.take(&group.ready));
        }
        match &self.former {
            _ if !spec.contents => {}
            Some(former) if gz == Encoding::Members => beside.files.extend_from_slice(former),
            _ => beside.take(&self.lagging),
        }
        beside
    }

    /// The lagging files, as they are to be listed.
    pub(crate) fn lagging(&self) -> Vec<IndexFile> {
        self.lagging.files.clone()
    }

    /// Takes the lagging files in the present form, and keeps those of the earlier build beside
    /// them.
    pub(crate) fn change_form(&mut self, lagging: Vec<IndexFile>) {
        if !self.lagging.files.is_empty() {
            self.former = Some(std::mem::replace(&mut self.lagging.files, lagging));
        }
    }

    /// Whether the patches to an index were made, even if there are none.
    pub(crate) fn is_patched(&self, path: &str, mark: &FileMark, since: u64) -> bool {
        let same = |group: &&Patches| group.path == path && group.digest == mark.digest;
        let group = self.patches.iter().find(same);
        group.is_some_and(|group| group.since.is_none_or(|known| known == since))
    }

    /// Takes the patches to an index, in place of those to an earlier state of it.
    pub(crate) fn patch(&mut self, path: &str, mark: &FileMark, since: u64, ready: Ready) {
        self.put(Patches { path: path.to_owned(), digest: mark.digest, since: Some(since), ready });
    }

    fn put(&mut self, new: Patches) {
        self.patches.retain(|group| group.path != new.path);
        self.patches.push(new);
    }

    /// Notes chunks that were stored for files that are being made.
    pub(crate) fn keep(&mut self, chunks: &[StoredChunk]) {
        self.kept.extend_from_slice(chunks);
    }

    /// Replaces the lagging files. Old and new files may share chunks.
    pub(crate) fn lag(&mut self, files: Vec<IndexFile>) {
        let named: BTreeSet<Digest> =
            files.iter().flat_map(|file| file.chunks.iter().copied()).collect();
        let mut chunks = std::mem::take(&mut self.lagging.chunks);
        chunks.append(&mut self.kept);
        chunks.retain(|chunk| named.contains(&chunk.key));
        self.lagging = Ready { files, chunks };
    }

    /// Takes over the files that the head of a newly opened suite lists.
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

    /// The chunks of all of these files.
    pub(crate) fn chunks(&self) -> Vec<Digest> {
        let ready = self.patches.iter().map(|group| &group.ready).chain([&self.lagging]);
        let stored = ready.clone().flat_map(|ready| &ready.chunks).chain(&self.kept);
        let former = self.former.iter().flatten();
        let files = ready.flat_map(|ready| &ready.files).chain(former);
        let named = files.flat_map(|file| file.chunks.iter().copied());
        stored.map(|chunk| chunk.key).chain(named).collect()
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
