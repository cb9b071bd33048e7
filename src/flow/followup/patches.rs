//! Patches: they lead hosts from the index that they have to the live one. Only the chunks in which
//! the two differ are read, a pair at a time.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use tracing::debug;

use crate::catalogue::PastIndex;
use crate::cause::Cause;
use crate::debian::framing;
use crate::debian::pdiff::{self, FileMark, Hunk, Patch, PdiffIndex};
use crate::digest::Digest;
use crate::domain::patches::{differing, is_worth, kept, patch_name, pays};
use crate::domain::rope::side_key;
use crate::domain::{Encoding, IndexFile, StoredChunk};
use crate::flow::error::FlowError;
use crate::flow::index::chunk::{Chunk, Compressed, Deflated, Pack};
use crate::flow::index::live::Patchable;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::flow::suite::pending_files::Ready;
use crate::pool::Pool;

/// Most that the patches to one index may take together. They are kept as long as the generation,
/// so those from the oldest states are left out first: a host that far behind fetches the index.
/// Unit: bytes.
const TOGETHER_BYTES: u64 = 512 * 1024;
/// A script that grows beyond this is abandoned, because it would never be small enough. Unit:
/// bytes.
const SCRIPT_BYTES: usize = 2 << 20;
/// How much of two texts that share nothing is read; then one is replaced by the other. Unit:
/// bytes.
const STEP_BYTES: usize = 1 << 20;
/// How many earlier states of an index are considered: more than a day of them, one a minute.
const PAST_MOST: u32 = 4_000;

/// Makes the patches to every live index that has none yet. Blocks.
///
/// Stops without an error when `may_go_on` gives `false`.
///
/// # Errors
/// [`FlowError`] from the stores, or when a patch does not lead to the new index.
pub(crate) fn patch(
    repository: &Repository,
    desk: &Desk,
    may_go_on: &dyn Fn() -> bool,
) -> Result<(), FlowError> {
    let state = desk.state();
    let Some(head) = state.head.as_ref().filter(|_| state.spec.pdiffs) else { return Ok(()) };
    for to in desk.live_indices().patchable() {
        let before = head.generation.saturating_add(1);
        let own = repository.catalogue.list_past(&desk.suite, &to.path, before, 1)?.pop();
        let Some(own) = own.filter(|own| own.digest == to.mark.digest) else { continue };
        if desk.follow_up(|pending| pending.is_patched(&to.path, &to.mark, own.generation)) {
            continue;
        }
        let begun = std::time::Instant::now();
        let task = Task { repository, desk, to: &to, since: own.generation, may_go_on };
        let Some(made) = task.make()? else { return Ok(()) };
        let _unswept = repository.sweeping.read();
        let ready = keep(repository.pool.as_ref(), &to, &made)?;
        let bytes: u64 = made.iter().map(|made| made.patch.download.size_bytes).sum();
        let milliseconds = begun.elapsed().as_millis() as u64;
        debug!(suite = %desk.suite, path = to.path, patches = made.len(), bytes, milliseconds, "patches");
        desk.follow_up(|pending| pending.patch(&to.path, &to.mark, own.generation, ready));
    }
    Ok(())
}

/// A patch, and the compressed file that hosts fetch.
struct Made {
    patch: Patch,
    gz: Vec<u8>,
}

/// The patches to one index.
struct Task<'t> {
    repository: &'t Repository,
    desk: &'t Desk,
    to: &'t Patchable,
    /// The generation that brought the present state of the index.
    since: u64,
    may_go_on: &'t dyn Fn() -> bool,
}

impl Task<'_> {
    /// The patches that pay, newest first; `None` when it may not go on.
    fn make(&self) -> Result<Option<Vec<Made>>, FlowError> {
        let Self { repository, desk, to, since, may_go_on } = self;
        let mut made = Vec::new();
        if !is_worth(to.compressed_bytes) {
            return Ok(Some(made));
        }
        let past = repository.catalogue.list_past(&desk.suite, &to.path, *since, PAST_MOST)?;
        let mut seen = HashSet::from([to.mark.digest]);
        let earlier: Vec<_> = past.iter().filter(|past| seen.insert(past.digest)).collect();
        let published: Vec<_> = earlier.iter().map(|past| (past.generation, past.at)).collect();
        let kept = kept(&published, repository.now());
        let mut room = TOGETHER_BYTES;
        for from in earlier.iter().filter(|past| kept.contains(&past.generation)) {
            let one = self.patch_from(from, patch_name(from.generation, *since))?;
            if !may_go_on() {
                return Ok(None);
            }
            let size = |one: &Made| one.patch.download.size_bytes;
            let fits = |one: &Made| size(one) <= room && pays(size(one), to.compressed_bytes);
            if let Some(one) = one.filter(fits) {
                room = room.saturating_sub(size(&one));
                made.push(one);
            }
        }
        Ok(Some(made))
    }

    /// One patch; `None` when it would be too large or empty, when it may not go on, when the old
    /// index is gone, or when its name was given to other bytes before.
    fn patch_from(&self, from: &PastIndex, name: String) -> Result<Option<Made>, FlowError> {
        let Self { repository, desk, to, .. } = self;
        let old = repository.catalogue.find_index(&desk.suite, from.generation, &to.path)?;
        let Some(old) = old else { return Ok(None) };
        let chunk = |stored: &Arc<StoredChunk>| Chunk::new((**stored).clone());
        let old: Vec<_> = old.chunks.iter().map(chunk).collect();
        let difference = self.difference(&old)?;
        let Some(hunks) = difference.filter(|hunks| !hunks.is_empty()) else { return Ok(None) };
        let hunks: Vec<_> = hunks.iter().map(Owned::borrowed).collect();
        let script = pdiff::ed_script(&hunks).map_err(internal)?;
        if pdiff::read_script(&script).map_err(internal)? != hunks {
            return Err(FlowError::Internal(format!("patch {name} read back differently").into()));
        }
        let gz = framing::gzip_member(&script);
        let download = FileMark::of(&gz);
        let path = format!("{}/{name}.gz", to.directory);
        let before = repository.catalogue.find_patch(&desk.suite, &path)?;
        if before.is_some_and(|before| before.file.digest != download.digest) {
            return Ok(None);
        }
        let mark = FileMark { digest: from.digest, size_bytes: from.size_bytes };
        let patch = Patch { name, from: mark, script: FileMark::of(&script), download };
        Ok(Some(Made { patch, gz }))
    }

    /// The differences between some chunks and those of the index; `None` when they are too large,
    /// or when it may not go on.
    fn difference(&self, old: &[Arc<Chunk>]) -> Result<Option<Vec<Owned>>, FlowError> {
        let new = &self.to.chunks;
        let keys = |chunks: &[Arc<Chunk>]| chunks.iter().map(|c| c.key()).collect::<Vec<Digest>>();
        let mut found = Found::default();
        let mut done = 0;
        for (olds, news) in differing(&keys(old), &keys(new)) {
            let between = old.get(done..olds.start).unwrap_or_default();
            let lines = between.iter().map(|chunk| u64::from(chunk.plain_lines()));
            found.line = lines.fold(found.line, u64::saturating_add);
            done = olds.end;
            if !self.walk(part(old, olds), part(new, news), &mut found)? {
                return Ok(None);
            }
        }
        Ok(Some(found.hunks))
    }

    /// Compares two runs of chunks side by side; gives whether it came to their end.
    fn walk(
        &self,
        old: &[Arc<Chunk>],
        new: &[Arc<Chunk>],
        found: &mut Found,
    ) -> Result<bool, FlowError> {
        let pool = self.repository.pool.as_ref();
        let (mut old, mut new) = (Side::new(pool, old), Side::new(pool, new));
        old.fill()?;
        new.fill()?;
        loop {
            if !(self.may_go_on)() || found.bytes > SCRIPT_BYTES {
                return Ok(false);
            }
            let is_all = old.is_done() && new.is_done();
            let (of_old, of_new) = match is_all || old.is_long() || new.is_long() {
                true => (old.text.len(), new.text.len()),
                false => pdiff::in_step(&old.text, &new.text),
            };
            let before = old.text.get(..of_old).unwrap_or_default();
            found.compare(before, new.text.get(..of_new).unwrap_or_default())?;
            old.text.drain(..of_old);
            new.text.drain(..of_new);
            if is_all {
                return Ok(true);
            }
            // If the two share nothing so far, reading more of both may help.
            let waits = (of_old, of_new) == (0, 0);
            for side in [&mut old, &mut new] {
                if waits || side.text.is_empty() {
                    side.fill()?;
                }
            }
        }
    }
}

fn part(chunks: &[Arc<Chunk>], range: Range<usize>) -> &[Arc<Chunk>] {
    chunks.get(range).unwrap_or_default()
}

fn internal(error: pdiff::PdiffError) -> FlowError {
    FlowError::Internal(Cause::of(error))
}

/// One of two runs of chunks that are compared.
struct Side<'s> {
    pool: &'s dyn Pool,
    chunks: std::slice::Iter<'s, Arc<Chunk>>,
    /// Text that was read and is not yet compared.
    text: Vec<u8>,
}

impl<'s> Side<'s> {
    fn new(pool: &'s dyn Pool, chunks: &'s [Arc<Chunk>]) -> Self {
        Self { pool, chunks: chunks.iter(), text: Vec::new() }
    }

    /// Appends the next chunk to the text.
    fn fill(&mut self) -> Result<(), FlowError> {
        if let Some(chunk) = self.chunks.next() {
            let mut more = Vec::new();
            chunk.read(self.pool, Encoding::Plain, &mut more)?;
            self.text.append(&mut more);
        }
        Ok(())
    }

    /// Whether all chunks were read.
    fn is_done(&self) -> bool {
        self.chunks.as_slice().is_empty()
    }

    /// Whether so much was read that it is compared as it is.
    fn is_long(&self) -> bool {
        self.text.len() > STEP_BYTES
    }
}

/// A hunk that owns its lines.
struct Owned {
    first: u64,
    removed: u64,
    lines: Vec<u8>,
}

impl Owned {
    fn borrowed(&self) -> Hunk<'_> {
        Hunk { first: self.first, removed: self.removed, lines: &self.lines }
    }
}

/// The differences that were found so far.
struct Found {
    /// In the order of the file; no two of them are adjacent.
    hunks: Vec<Owned>,
    /// The next line of the old file.
    line: u64,
    bytes: usize,
}

impl Default for Found {
    fn default() -> Self {
        Self { hunks: Vec::new(), line: 1, bytes: 0 }
    }
}

impl Found {
    /// Compares the next part of both. Hunks are added only after they were seen to make the new
    /// text of the old one.
    fn compare(&mut self, old: &[u8], new: &[u8]) -> Result<(), FlowError> {
        let hunks = pdiff::stanza_hunks(self.line, old, new);
        if pdiff::apply(self.line, old, &hunks).as_deref() != Some(new) {
            return Err(FlowError::Internal("a patch leads to another text".into()));
        }
        self.line = self.line.saturating_add(pdiff::lines_in(old));
        for Hunk { first, removed, lines } in hunks {
            self.bytes = self.bytes.saturating_add(lines.len()).saturating_add(16);
            match self.hunks.last_mut() {
                Some(last) if last.first.saturating_add(last.removed) == first => {
                    last.removed = last.removed.saturating_add(removed);
                    last.lines.extend_from_slice(lines);
                }
                _ => self.hunks.push(Owned { first, removed, lines: lines.to_vec() }),
            }
        }
        Ok(())
    }
}

/// Makes patches and their list durable in one pack.
fn keep(pool: &dyn Pool, to: &Patchable, made: &[Made]) -> Result<Ready, FlowError> {
    if made.is_empty() {
        return Ok(Ready::default());
    }
    let patches = made.iter().rev().map(|made| made.patch.clone()).collect();
    let index = PdiffIndex { current: to.mark, patches };
    let text = index.write();
    if PdiffIndex::parse(&text).map_err(internal)? != index {
        return Err(FlowError::Internal("a list of patches read back differently".into()));
    }
    let mut pack = Pack::default();
    let mut file = |name: &str, encoding, bytes: &[u8]| {
        let key = side_key("patches", bytes);
        // Each file is fetched in one form only, so the other is not stored.
        let (plain, gz) = match encoding {
            Encoding::Members => (Vec::new(), Deflated::Member(bytes.to_vec())),
            _ => (bytes.to_vec(), Deflated::Nothing),
        };
        pack.push(Arc::new(Compressed {
            key,
            plain: Arc::new(plain),
            gz,
            xz: None,
            keeps_plain: true,
        }));
        IndexFile {
            path: format!("{}/{name}", to.directory),
            encoding,
            size_bytes: bytes.len() as u64,
            digest: Digest::of(bytes),
            chunks: [key].into(),
            listed: encoding == Encoding::Plain,
            made_of: None,
        }
    };
    let mut files = vec![file("Index", Encoding::Plain, text.as_bytes())];
    for Made { patch, gz } in made {
        files.push(file(&format!("{}.gz", patch.name), Encoding::Members, gz));
    }
    let chunks = pack.keep(pool)?;
    Ok(Ready { files, chunks })
}
