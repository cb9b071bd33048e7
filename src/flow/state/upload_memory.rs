//! UploadMemory: one budget for all that senders make the server hold at once, whoever and however many they
//! are. Bodies of requests have a fifth of it, encoders of indices another, decoders the rest; who finds
//! nothing left waits.
//!
//! A body waits for other bodies, what is parsed out of a body for nothing but what was parsed of others, a
//! decoder for nothing but other decoders, and an encoder for nothing but other encoders, so nobody waits in a
//! circle; and no slow sender keeps a change from being published. Small bodies have a part of their own, so
//! that no large one keeps a rollback waiting. Of bodies, each sender has a share ([`Shares`]).
//! Packages that are read grow while they hold memory: they wait as long as the rest could not
//! bring all of them to their ends, one after the other (Dijkstra's banker).

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::debian::deb::{Held, Lender};
use crate::flow::state::shares::{self, Sender, Shares};
use crate::flow::threads::lock;

/// What bodies are counted in. Unit: bytes.
const UNIT_BYTES: u64 = 1024;

/// The memory that is lent to uploads and to what is made of them.
pub(crate) struct UploadMemory {
    decoders: Decoders,
    encoders: Share,
    bodies: Arc<Shares>,
    parsed: Arc<Shares>,
    small: Arc<Shares>,
    small_parsed: Arc<Shares>,
}

/// A part of it that threads wait for.
struct Share {
    whole_bytes: u64,
    free_bytes: Mutex<u64>,
    returned: Condvar,
}

/// The part that packages have which are read.
struct Decoders {
    whole_bytes: u64,
    /// What each of them holds; those that hold nothing are not among them.
    held: Mutex<Vec<Held>>,
    returned: Condvar,
    /// Whose packages wait, and since when.
    waiting: Mutex<Vec<(Sender, Instant)>>,
}

impl Decoders {
    fn new(whole_bytes: u64) -> Self {
        let (held, waiting) = (Mutex::default(), Mutex::default());
        Self { whole_bytes, held, returned: Condvar::new(), waiting }
    }

    fn lend(&self, of: &Sender, from: Held, to: Held) {
        if from == to {
            return;
        }
        // Nobody must wait for ever for more than there is.
        let within = |held: Held| Held {
            bytes: held.bytes.min(self.whole_bytes),
            most_bytes: held.most_bytes.min(self.whole_bytes),
        };
        let (from, to) = (within(from), within(to));
        let mut held = lock(&self.held);
        let mut line = None;
        while to.bytes > from.bytes && !self.all_can_end(&changed(&held, from, to)) {
            line.get_or_insert_with(|| InLine::of(self, of));
            held = self.returned.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        *held = changed(&held, from, to);
        drop(held);
        if to.bytes < from.bytes {
            self.returned.notify_all();
        }
    }

    /// Whether the rest is enough for one to come to its end, with what it gives back for the next, and so on.
    fn all_can_end(&self, held: &[Held]) -> bool {
        let lacks = |one: &Held| one.most_bytes.saturating_sub(one.bytes);
        let mut order = held.to_vec();
        order.sort_unstable_by_key(lacks);
        let all = held.iter().map(|one| one.bytes).fold(0, u64::saturating_add);
        let Some(mut free) = self.whole_bytes.checked_sub(all) else { return false };
        order.iter().all(|one| {
            let ends = lacks(one) <= free;
            free = free.saturating_add(one.bytes);
            ends
        })
    }
}

/// One whose package waits, for as long as it does.
struct InLine<'d>(&'d Decoders, Sender, Instant);

impl<'d> InLine<'d> {
    fn of(decoders: &'d Decoders, of: &Sender) -> Self {
        let since = Instant::now();
        lock(&decoders.waiting).push((of.clone(), since));
        Self(decoders, of.clone(), since)
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        let Self(decoders, of, since) = self;
        let mut waiting = lock(&decoders.waiting);
        if let Some(at) = waiting.iter().position(|(other, at)| (other, at) == (&*of, &*since)) {
            waiting.swap_remove(at);
        }
    }
}

/// What all hold once one of them holds `to` in place of `from`.
fn changed(held: &[Held], from: Held, to: Held) -> Vec<Held> {
    let mut held = held.to_vec();
    if let Some(at) = held.iter().position(|one| *one == from) {
        held.swap_remove(at);
    }
    held.extend((to.bytes > 0).then_some(to));
    held
}

/// UploadMemory for encoders, until it is dropped.
pub(crate) struct Loan<'m> {
    share: &'m Share,
    bytes: u64,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.share.take_back(self.bytes);
    }
}

impl Share {
    fn new(whole_bytes: u64) -> Self {
        Self { whole_bytes, free_bytes: Mutex::new(whole_bytes), returned: Condvar::new() }
    }

    fn lend(&self, bytes: u64) {
        let mut free = lock(&self.free_bytes);
        // Nobody must wait for ever for more than there is.
        let bytes = bytes.min(self.whole_bytes);
        while *free < bytes {
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free = free.saturating_sub(bytes);
    }

    fn take_back(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let mut free = lock(&self.free_bytes);
        let bytes = bytes.min(self.whole_bytes);
        *free = free.saturating_add(bytes).min(self.whole_bytes);
        drop(free);
        self.returned.notify_all();
    }
}

/// Room for a body, or for what was parsed out of one, until it is dropped.
#[derive(Debug)]
pub struct Room(
    #[expect(dead_code, reason = "gives the room back when it is dropped")] shares::Share,
);

/// Which bodies a body waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoomFor {
    /// One of at most [`SMALL_BYTES`].
    Small,
    /// Any other.
    Large,
    /// What is parsed out of a small one.
    SmallParsed,
    /// What is parsed out of a large one.
    Parsed,
}

/// Bodies up to here never wait for larger ones. Unit: bytes.
pub const SMALL_BYTES: u64 = 64 << 10;

/// Lends to the packages of one sender.
pub(crate) struct Borrower<'m> {
    memory: &'m UploadMemory,
    of: Sender,
}

/// How large a budget has to be for one package to be given so many bytes. Unit: MiB, in bytes.
pub(crate) fn whole_for(decoder_bytes: u64) -> u64 {
    const MIB: u64 = 1 << 20;
    // Three fifths are for decoders; a remainder is rounded down on the way there.
    let whole_bytes = decoder_bytes.saturating_mul(5).div_ceil(3).saturating_add(5);
    whole_bytes.checked_next_multiple_of(MIB).unwrap_or(u64::MAX)
}

impl UploadMemory {
    /// A budget of so many bytes.
    pub(crate) fn new(whole_bytes: u64) -> Self {
        let fifth = whole_bytes / 5;
        let part =
            |sixteenths: u64| Shares::new(fifth.saturating_mul(sixteenths) / 16 / UNIT_BYTES);
        Self {
            decoders: Decoders::new(whole_bytes.saturating_sub(fifth.saturating_mul(2))),
            encoders: Share::new(fifth),
            bodies: part(11),
            parsed: part(3),
            small: part(1),
            small_parsed: part(1),
        }
    }

    /// Most that one package can be given.
    pub(crate) fn whole_bytes(&self) -> u64 {
        self.decoders.whole_bytes
    }

    /// Waits until encoders may hold so many bytes more. Nobody asks who has a loan already, and nobody gets
    /// more than half, so that two always go on beside each other.
    pub(crate) fn encode(&self, bytes: u64) -> Loan<'_> {
        let bytes = bytes.min(self.encoders.whole_bytes / 2);
        self.encoders.lend(bytes);
        Loan { share: &self.encoders, bytes }
    }

    /// Waits until `of` may hold so many bytes more. Who asks for more than there is waits until it can have all
    /// of that part alone.
    pub(crate) async fn room(&self, kind: RoomFor, of: &Sender, bytes: u64) -> Room {
        Room(self.part(kind).take(of, bytes.div_ceil(UNIT_BYTES).max(1)).await)
    }

    /// For how long another sender has been waiting for the room that bodies of `of` have.
    pub(crate) fn pressed(&self, kind: RoomFor, of: &Sender) -> Option<Duration> {
        self.part(kind).pressed(of)
    }

    /// For how long a package of another sender has been waiting to be unpacked.
    pub(crate) fn decoders_pressed(&self, of: &Sender) -> Option<Duration> {
        let waiting = lock(&self.decoders.waiting);
        let others = waiting.iter().filter(|(other, _)| other != of);
        others.map(|(_, since)| since.elapsed()).max()
    }

    /// A lender for the packages of `of`.
    pub(crate) fn lender(&self, of: Sender) -> Borrower<'_> {
        Borrower { memory: self, of }
    }

    fn part(&self, kind: RoomFor) -> &Arc<Shares> {
        match kind {
            RoomFor::Small => &self.small,
            RoomFor::Large => &self.bodies,
            RoomFor::Parsed => &self.parsed,
            RoomFor::SmallParsed => &self.small_parsed,
        }
    }
}

/// More than there is was refused before.
impl Lender for Borrower<'_> {
    fn lend(&self, from: Held, to: Held) {
        self.memory.decoders.lend(&self.of, from, to);
    }
}

#[cfg(test)]
mod tests;
