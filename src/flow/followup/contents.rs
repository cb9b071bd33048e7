//! Contents: which package installs a path, for apt-file. They are made after a generation, some
//! seconds late when there are many. The cost grows with the number of packages that were added and
//! removed since the last ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tracing::{debug, error};

use crate::catalogue::SuiteState;
use crate::debian::contents::{ContentsEdit, ContentsLine, escape, is_path, location};
use crate::debian::{Component, PackageKind};
use crate::domain::layout::contents_path;
use crate::domain::listing::{self, Listed};
use crate::domain::{Encoding, IndexFile, IndexPlace, Package, PackageSet};
use crate::flow::error::FlowError;
use crate::flow::followup::contents_file::{ContentsFile, Writer};
use crate::flow::followup::pace::REST;
use crate::flow::index::chunk::Chunk;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::flow::threads::{blocking, lock};
use crate::time::Moment;

/// Least time from one round to the next. Unit: seconds.
const SPACING_SECONDS: i64 = 10;
/// How many bytes of paths are sorted at once; the memory for that is five times as much. Unit:
/// bytes.
const BATCH_BYTES: usize = 8 << 20;
/// How many packages are read at once.
const READ_AT_ONCE: usize = 32;
/// How long to wait before a failed attempt is repeated.
const AGAIN: Duration = Duration::from_secs(20);

/// What an index listed under a name, and what it lists now.
type Change = (Listed, Listed);

/// Keeps the contents of a suite up to date until its desk is closed.
pub(crate) async fn follow(repository: Weak<Repository>, desk: Arc<Desk>) {
    let (mut book, mut reading) = (Book::default(), desk.readings());
    loop {
        if desk.is_closed() {
            return;
        }
        if desk.readings() != reading {
            (book, reading) = (Book::default(), desk.readings());
        }
        let moved = desk.batch_done.notified();
        if !desk.state().spec.contents {
            book = Book::default();
            desk.follow_up(|pending| pending.lag(Vec::new()));
            moved.await;
            continue;
        }
        let Some(shared) = repository.upgrade() else { return };
        let (at_work, at_desk) = (Arc::clone(&shared), Arc::clone(&desk));
        let done = blocking(move || {
            let caught_up = book.catch_up(&at_work, &at_desk);
            Ok((book, caught_up))
        });
        match done.await {
            Ok((kept, Ok(Next::Moved))) => {
                book = kept;
                drop(shared);
                moved.await;
                desk.pause(REST).await;
            }
            Ok((kept, Ok(Next::At(due)))) => {
                book = kept;
                let wait = shared.clock.until(due);
                drop(shared);
                desk.pause(wait).await;
            }
            Ok((_, Err(_))) if desk.is_closed() => return,
            Ok((_, Err(problem))) | Err(problem) => {
                error!(suite = %desk.suite, %problem, "contents were not made; they are tried again");
                book = Book::default();
                shared.note_damage(&problem);
                drop(shared);
                let _ = tokio::time::timeout(AGAIN, moved).await;
            }
        }
    }
}

/// When to look again.
enum Next {
    /// When a batch was published or the form of the files has changed.
    Moved,
    /// At this moment, and not earlier.
    At(Moment),
}

/// The contents of a suite, as they were last made.
#[derive(Default)]
struct Book {
    /// What they were made of; `None` until it is looked up.
    of: Option<Of>,
    /// The files by place. A place that is missing lists nothing, or was not read yet.
    files: BTreeMap<IndexPlace, ContentsFile>,
    made_at: Option<Moment>,
}

struct Of {
    generation: u64,
    contents: PackageSet,
    /// The places whose files contain these packages. A new architecture is not among them, so that
    /// its file also gets the packages that are built for all.
    places: BTreeSet<IndexPlace>,
    /// Records of files that were not read yet.
    recorded: Vec<IndexFile>,
}

impl Book {
    /// Makes what is missing, and says when to look again.
    fn catch_up(&mut self, repository: &Repository, desk: &Desk) -> Result<Next, FlowError> {
        let state = desk.state();
        let Some(head) = state.head.as_ref().filter(|_| state.spec.contents) else {
            return Ok(Next::Moved);
        };
        // The files of an earlier build change their form first, together with all others of the
        // suite.
        if desk.gz() == Encoding::Members {
            return Ok(Next::Moved);
        }
        let of = match self.of.take() {
            Some(of) => of,
            None => match recorded(repository, desk, &state, head.generation)? {
                Some(of) => of,
                None => return Ok(Next::Moved),
            },
        };
        let places = places(&state);
        let none = PackageSet::default();
        let changes = |place| {
            let before = if of.places.contains(place) { &of.contents } else { &none };
            listing::changes(before, &state.contents, place)
        };
        let changes: Vec<_> = places.iter().map(|place| (place, changes(place))).collect();
        let changed = changes.iter().any(|(_, changes)| !changes.is_empty());
        let now = repository.now();
        // By a clock that was ahead, they were made in the future.
        let made_at = self.made_at.filter(|at| *at <= now);
        let due = made_at.map(|at| at.plus(SPACING_SECONDS));
        if let Some(due) = due.filter(|due| changed && now < *due) {
            self.of = Some(of);
            return Ok(Next::At(due));
        }
        let Of { generation, recorded, .. } = of;
        let made_of = if changed { head.generation } else { generation };
        let mut rest = recorded;
        if changed {
            let begun = std::time::Instant::now();
            self.recall(repository, desk, std::mem::take(&mut rest))?;
            self.make(repository, desk, &changes, head.generation)?;
            self.made_at = Some(now);
            let milliseconds = begun.elapsed().as_millis() as u64;
            debug!(suite = %desk.suite, generation = head.generation, milliseconds, "contents");
        }
        let contents = state.contents.clone();
        let places = places.into_iter().collect();
        self.of = Some(Of { generation: made_of, contents, places, recorded: rest });
        Ok(Next::Moved)
    }

    /// Reads recorded files.
    fn recall(
        &mut self,
        repository: &Repository,
        desk: &Desk,
        recorded: Vec<IndexFile>,
    ) -> Result<(), FlowError> {
        let state = desk.state();
        for place in places(&state) {
            let path = path(&place, Encoding::Plain);
            let Some(file) = recorded.iter().find(|file| file.path == path) else { continue };
            let found = repository.catalogue.find_chunks(&file.chunks)?;
            let chunks: BTreeMap<_, _> =
                found.into_iter().map(|chunk| (chunk.key, Chunk::new(chunk))).collect();
            let lost = |key| FlowError::Internal(format!("chunk {key} is lost").into());
            let chunk = |key| chunks.get(key).cloned().ok_or_else(|| lost(*key));
            let chunks = file.chunks.iter().map(chunk).collect::<Result<_, _>>()?;
            self.files.insert(place, ContentsFile::of_chunks(repository, chunks)?);
        }
        Ok(())
    }

    /// Makes the contents of a generation, and hands them in to be listed.
    fn make(
        &mut self,
        repository: &Repository,
        desk: &Desk,
        changes: &[(&IndexPlace, Vec<Change>)],
        generation: u64,
    ) -> Result<(), FlowError> {
        let mut files = Vec::new();
        for (place, changes) in changes {
            let file = self.files.entry((*place).clone()).or_default();
            let before = file.keys();
            let mut rest = changes.as_slice();
            while !rest.is_empty() {
                let _one_at_a_time = lock(&repository.contents);
                let (batch, behind) = Batch::read(repository, rest)?;
                file.edit(&mut Writer::new(repository, desk), &batch.edits())?;
                rest = behind;
            }
            file.hash(repository, &before)?;
            files.extend(file.files(|encoding| path(place, encoding), generation));
        }
        desk.follow_up(|pending| pending.lag(files));
        desk.moved.notify_one();
        Ok(())
    }
}

/// The contents that the head lists, and the packages that they were made of; `None` when another
/// generation is live by now.
fn recorded(
    repository: &Repository,
    desk: &Desk,
    state: &SuiteState,
    live: u64,
) -> Result<Option<Of>, FlowError> {
    let mut recorded = repository.catalogue.list_indices(&desk.suite, live)?;
    recorded.retain(|file| file.made_of.is_some());
    let nothing = || Of {
        generation: 0,
        contents: PackageSet::default(),
        places: BTreeSet::new(),
        recorded: Vec::new(),
    };
    // The files are made together; if they differ, the oldest counts.
    let Some(generation) = recorded.iter().filter_map(|file| file.made_of).min() else {
        return Ok(Some(nothing()));
    };
    let since = repository.catalogue.changes_since(&desk.suite, generation)?;
    if desk.live() != Some(live) {
        return Ok(None);
    }
    let Some(since) = since else { return Ok(Some(nothing())) };
    let mut contents = state.contents.clone();
    for (component, package) in since.entered {
        contents.unlist(&component, &package);
    }
    for (component, package) in since.left {
        // The generation that listed it does not matter for paths.
        contents.list(&component, Arc::new(package), 0);
    }
    // A place without a file may have listed nothing, or may be new. Its file is made again, with
    // the same result.
    let has_file = |place: &IndexPlace| {
        let path = path(place, Encoding::Plain);
        recorded.iter().any(|file| file.path == path)
    };
    let places = places(state).into_iter().filter(has_file).collect();
    Ok(Some(Of { generation, contents, places, recorded }))
}

fn places(state: &SuiteState) -> Vec<IndexPlace> {
    let spec = &state.spec;
    let of = |component: &Component| {
        let component = component.clone();
        spec.architectures.iter().map(move |architecture| IndexPlace {
            component: component.clone(),
            architecture: architecture.clone(),
            kind: PackageKind::Deb,
        })
    };
    spec.components.iter().flat_map(of).collect()
}

fn path(place: &IndexPlace, encoding: Encoding) -> String {
    contents_path(&place.component, &place.architecture, encoding)
}

/// The paths of some packages that were added and removed, in memory.
struct Batch {
    lists: Vec<List>,
}

struct List {
    location: String,
    is_held: bool,
    paths: Vec<u8>,
}

impl Batch {
    /// Reads the lists of as many changes as fit; gives the other changes.
    fn read<'c>(
        repository: &Repository,
        changes: &'c [Change],
    ) -> Result<(Self, &'c [Change]), FlowError> {
        let (mut lists, mut bytes) = (Vec::new(), 0_usize);
        let mut rest = changes;
        while !rest.is_empty() && bytes < BATCH_BYTES {
            let (some, behind) = rest.split_at(rest.len().min(READ_AT_ONCE));
            let held = |(before, now): &'c Change| {
                let before = before.iter().map(|package| (package, false));
                before.chain(now.iter().map(|package| (package, true)))
            };
            let packages: Vec<_> = some.iter().flat_map(held).collect();
            for list in read_lists(repository, &packages)? {
                bytes = bytes.saturating_add(list.paths.len());
                lists.push(list);
            }
            rest = behind;
        }
        Ok((Self { lists }, rest))
    }

    /// The edits, sorted. Removals come before additions, so that the paths that both versions of a
    /// package have stay.
    fn edits(&self) -> Vec<ContentsEdit<'_>> {
        let mut edits = Vec::new();
        for List { location, is_held, paths } in &self.lists {
            let paths = paths.split(|byte| *byte == b'\n');
            let fit = paths.filter(|path| is_path(path).is_ok());
            edits.extend(fit.map(|path| ContentsEdit { path, location, is_held: *is_held }));
        }
        edits.sort_unstable();
        edits
    }
}

fn read_lists(
    repository: &Repository,
    packages: &[(&Arc<Package>, bool)],
) -> Result<Vec<List>, FlowError> {
    let digests: Vec<_> = packages.iter().map(|(package, _)| package.digest).collect();
    let paths = repository.catalogue.read_file_lists(&digests)?;
    let stanzas = repository.catalogue.read_stanzas(&digests)?;
    let found = packages.iter().zip(paths.into_iter().zip(stanzas));
    let lists = found.filter_map(|((package, is_held), (paths, stanza))| {
        let location = located(&stanza, package);
        Some(listed(location, *is_held, paths?))
    });
    Ok(lists.flatten().collect())
}

/// A list of paths as the lines have them. For a package that is removed, also the paths without
/// escapes: earlier versions of this program did not escape any.
fn listed(location: String, is_held: bool, paths: Vec<u8>) -> Vec<List> {
    let Some(escaped) = escape(&paths) else { return vec![List { location, is_held, paths }] };
    let list = List { location: location.clone(), is_held, paths: escaped };
    let before = (!is_held).then_some(List { location, is_held, paths });
    before.into_iter().chain([list]).collect()
}

/// How the lines name a package: with its section, if a line can contain that.
fn located(stanza: &str, package: &Package) -> String {
    let section = stanza.lines().find_map(|line| line.strip_prefix("Section: "));
    let with_section = location(section, &package.name);
    let line = format!("x {with_section}");
    match ContentsLine::parse(line.as_bytes()) {
        Ok(read) if read.locations == [with_section.as_str()] => with_section,
        _ => location(None, &package.name),
    }
}
