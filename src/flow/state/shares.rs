//! Shares: places, or bytes, that senders take turns at, each with a share of its own. One sender never has
//! all of them, however often it asks: as many shares are kept as there are senders, and one for who comes next.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::domain::Identity;
use crate::flow::threads::lock;

/// Who takes part: an identity, or everybody who is not identified, together.
pub type Sender = Option<Identity>;

/// Something of which there is so much, in units of its own.
pub(crate) struct Shares {
    whole: u64,
    book: Mutex<Book>,
}

/// Who has how much, and who waits.
#[derive(Default)]
struct Book {
    free: u64,
    parties: HashMap<Sender, Party>,
    /// In the order in which they came.
    waiting: VecDeque<Waiter>,
    next_number: u64,
    /// Who could have its share if only something came back, and since when somebody could.
    blocked: Option<(Sender, Instant)>,
}

/// A sender that has something or waits for it.
#[derive(Default)]
struct Party {
    held: u64,
    waiting: usize,
}

struct Waiter {
    number: u64,
    of: Sender,
    units: u64,
    called: oneshot::Sender<Share>,
}

/// What a sender has, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    from: Arc<Shares>,
    of: Sender,
    units: u64,
}

impl std::fmt::Debug for Shares {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shares").field("whole", &self.whole).finish_non_exhaustive()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut book = lock(&self.from.book);
        book.free = book.free.saturating_add(self.units);
        book.alter(&self.of, |party| party.held = party.held.saturating_sub(self.units));
        drop(book);
        self.from.serve();
    }
}

/// Leaves the queue when its future is dropped.
struct Turn<'s> {
    shares: &'s Arc<Shares>,
    number: u64,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut book = lock(&self.shares.book);
        let at = book.waiting.iter().position(|waiter| waiter.number == self.number);
        let left = at.and_then(|at| book.waiting.remove(at));
        if let Some(left) = left {
            book.alter(&left.of, |party| party.waiting = party.waiting.saturating_sub(1));
            drop(book);
            self.shares.serve();
        }
    }
}

impl Shares {
    /// So many units, all of them free.
    pub(crate) fn new(whole: u64) -> Arc<Self> {
        let whole = whole.max(1);
        let book = Book { free: whole, ..Book::default() };
        Arc::new(Self { whole, book: Mutex::new(book) })
    }

    /// Waits until `of` may have so many units more. Who asks for more than there is gets all.
    pub(crate) async fn take(self: &Arc<Self>, of: &Sender, units: u64) -> Share {
        let units = units.min(self.whole);
        let (called, call) = oneshot::channel();
        let turn = Turn { shares: self, number: self.stand_in_line(of, units, called) };
        self.serve();
        let share = call.await;
        drop(turn);
        // The caller is in the book until it is called, so the error is that of nobody.
        share.unwrap_or_else(|_| Share { from: Arc::clone(self), of: of.clone(), units: 0 })
    }

    fn stand_in_line(&self, of: &Sender, units: u64, called: oneshot::Sender<Share>) -> u64 {
        let mut book = lock(&self.book);
        let number = book.next_number;
        book.next_number = number.wrapping_add(1);
        book.alter(of, |party| party.waiting = party.waiting.saturating_add(1));
        book.waiting.push_back(Waiter { number, of: of.clone(), units, called });
        number
    }

    /// Gives what is free to those whose turn it is.
    fn serve(self: &Arc<Self>) {
        loop {
            let mut book = lock(&self.book);
            let Some(Waiter { of, units, called, .. }) = book.call(self.whole) else { return };
            book.free = book.free.saturating_sub(units);
            book.alter(&of, |party| {
                party.waiting = party.waiting.saturating_sub(1);
                party.held = party.held.saturating_add(units);
            });
            drop(book);
            let share = Share { from: Arc::clone(self), of, units };
            // Who has left meanwhile gives it back by dropping it.
            let _left = called.send(share);
        }
    }

    /// For how long another sender has been waiting for what `of` has, when nobody has more of it than `of`.
    pub(crate) fn pressed(&self, of: &Sender) -> Option<Duration> {
        let book = lock(&self.book);
        let (waits, since) = book.blocked.as_ref().filter(|(waits, _)| waits != of)?;
        let own = book.parties.get(of)?.held;
        let most = book.parties.iter().filter(|(other, _)| *other != waits);
        let most = most.map(|(_, party)| party.held).max()?;
        (own >= most).then(|| since.elapsed())
    }
}

impl Book {
    fn alter(&mut self, of: &Sender, alter: impl FnOnce(&mut Party)) {
        let party = self.parties.entry(of.clone()).or_default();
        alter(party);
        if party.held == 0 && party.waiting == 0 {
            self.parties.remove(of);
        }
    }

    /// Takes whose turn it is out of the queue: of those that have not their whole share, who has least, and of
    /// these who came first. Nobody goes before it because it asks for less.
    fn call(&mut self, whole: u64) -> Option<Waiter> {
        let parties = u64::try_from(self.parties.len()).unwrap_or(u64::MAX);
        let fair = whole.checked_div(parties.saturating_add(1)).unwrap_or(0);
        let held = |of: &Sender| self.parties.get(of).map_or(0, |party| party.held);
        let due = self.waiting.iter().enumerate().filter_map(|(at, waiter)| {
            let held = held(&waiter.of);
            let within = held == 0 || held.saturating_add(waiter.units) <= fair;
            within.then_some((held, at))
        });
        let Some((_, at)) = due.min() else {
            self.blocked = None;
            return None;
        };
        let waiter = self.waiting.get(at)?;
        if waiter.units <= self.free {
            return self.waiting.remove(at);
        }
        let since = self.blocked.take().map_or_else(Instant::now, |(_, since)| since);
        self.blocked = Some((waiter.of.clone(), since));
        None
    }
}

#[cfg(test)]
mod tests;
