//! Progress: what an upload does at the moment. On a terminal it is a bar; elsewhere, such as in the log
//! of a build job, a line now and then, and none of what is soon done.

use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Instant, interval_at};

use crate::cli::command::Session;
use crate::cli::terminal::Terminal;
use crate::cli::text::size;
use crate::client::Sent;

const REDRAW: Duration = Duration::from_millis(100);
/// How often there is a line where there is no terminal, and how often it is looked meanwhile.
const LINE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_secs(1);

/// What an upload does at the moment.
#[derive(Clone, Copy)]
pub(super) enum Stage<'s> {
    /// Files are read for their digests.
    Reading {
        /// Of all files.
        total_bytes: u64,
        /// Read so far.
        read_bytes: &'s AtomicU64,
    },
    /// Packages are sent, and the server checks them. The system takes the last few megabytes before
    /// the server has them.
    Sending {
        /// Of all packages.
        total_bytes: u64,
        /// Sent so far.
        sent: &'s Sent,
    },
    /// The server publishes them.
    Publishing {
        /// Or only says what that would do.
        dry_run: bool,
    },
}

impl Stage<'_> {
    fn total_bytes(self) -> u64 {
        match self {
            Self::Reading { total_bytes, .. } | Self::Sending { total_bytes, .. } => total_bytes,
            Self::Publishing { .. } => 0,
        }
    }

    fn done_bytes(self) -> u64 {
        match self {
            Self::Reading { read_bytes, .. } => read_bytes.load(Ordering::Relaxed),
            Self::Sending { sent, .. } => sent.bytes(),
            Self::Publishing { .. } => 0,
        }
    }

    fn work(self) -> Work {
        match self {
            Self::Reading { .. } => Work::Reading,
            Self::Sending { sent, .. } if sent.is_awaited() => Work::Checking,
            Self::Sending { .. } => Work::Sending,
            Self::Publishing { dry_run: false } => Work::Publishing,
            Self::Publishing { dry_run: true } => Work::Trying,
        }
    }
}

/// Who works: this program, or the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Reading,
    Sending,
    Checking,
    Publishing,
    Trying,
}

impl Work {
    fn words(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Sending => "sending",
            Self::Checking => "waiting until the server has checked it",
            Self::Publishing => "waiting until the server has published it",
            Self::Trying => "waiting until the server has tried it out",
        }
    }

    /// Whether the server works, of which no more is known than for how long.
    fn is_the_servers(self) -> bool {
        !matches!(self, Self::Reading | Self::Sending)
    }
}

/// Tells people what happens; nothing where programs read the output.
pub(super) struct Progress<'a> {
    terminal: Option<Mutex<&'a mut Terminal>>,
    shows_bar: bool,
}

impl<'a> Progress<'a> {
    /// The progress of a command in this session.
    pub(super) fn of(session: &'a mut Session<'_>) -> Self {
        let shows_bar = session.around.may_show_progress && !session.json;
        let terminal = (!session.json).then(|| Mutex::new(&mut *session.around));
        Self { terminal, shows_bar }
    }

    /// Prints a line on standard error, in place of a bar that may be there.
    pub(super) fn say(&self, line: &str) {
        let Some(Ok(mut terminal)) = self.terminal.as_ref().map(Mutex::lock) else { return };
        let before = if self.shows_bar { "\r\u{1b}[K" } else { "" };
        terminal.complain(&format!("{before}{line}\n"));
    }

    /// Does `work`, and tells how far it is.
    pub(super) async fn during<T>(&self, stage: Stage<'_>, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        if self.terminal.is_none() {
            return work.await;
        }
        let begun = Instant::now();
        let every = if self.shows_bar { REDRAW } else { LOOK };
        let mut beat = interval_at(begun.checked_add(every).unwrap_or(begun), every);
        let bar = Bar::over(stage.total_bytes(), self.shows_bar);
        let mut seen = Seen { work: stage.work(), since: begun, told: begun, bytes: 0 };
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = beat.tick() => {}
            }
            let now = Instant::now();
            seen.look(stage, now);
            if self.shows_bar {
                bar.draw(stage, &seen, now);
            } else if let Some(line) = seen.line(stage, now) {
                self.say(&line);
            }
        }
    }
}

/// What was seen last.
struct Seen {
    work: Work,
    /// Since when that is done.
    since: Instant,
    /// The last line, and how many bytes were done then.
    told: Instant,
    bytes: u64,
}

impl Seen {
    fn look(&mut self, stage: Stage<'_>, now: Instant) {
        let work = stage.work();
        if work != self.work {
            (self.work, self.since) = (work, now);
        }
    }

    /// `waiting until the server has checked it, 12 s`
    fn waiting(&self, now: Instant) -> String {
        let waited = now.saturating_duration_since(self.since);
        format!("{}, {} s", self.work.words(), waited.as_secs())
    }

    /// A line, when it is time for one.
    fn line(&mut self, stage: Stage<'_>, now: Instant) -> Option<String> {
        let passed = now.saturating_duration_since(self.told);
        let seconds = Some(passed).filter(|passed| *passed >= LINE)?.as_secs();
        let (done, total) = (stage.done_bytes(), stage.total_bytes());
        let rate = done.saturating_sub(self.bytes).checked_div(seconds).unwrap_or_default();
        (self.told, self.bytes) = (now, done);
        let words = self.work.words();
        Some(match self.work.is_the_servers() {
            true => self.waiting(now),
            false => format!("{words}: {} of {}, {}/s", size(done), size(total), size(rate)),
        })
    }
}

/// A bar that disappears when this is dropped.
struct Bar(ProgressBar);

const OVER_BYTES: &str =
    "{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}";
const WAITING: &str = "{spinner} {msg}";

impl Bar {
    fn over(total_bytes: u64, shows: bool) -> Self {
        if !shows {
            return Self(ProgressBar::hidden());
        }
        Self(ProgressBar::with_draw_target(Some(total_bytes), ProgressDrawTarget::stderr()))
    }

    fn draw(&self, stage: Stage<'_>, seen: &Seen, now: Instant) {
        let waits = seen.work.is_the_servers();
        if let Ok(style) = ProgressStyle::with_template(if waits { WAITING } else { OVER_BYTES }) {
            self.0.set_style(style.progress_chars("=> ").tick_chars("|/-\\ "));
        }
        match waits {
            true => self.0.set_message(seen.waiting(now)),
            false => self.0.set_message(seen.work.words()),
        }
        self.0.set_position(stage.done_bytes());
        self.0.tick();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_every_ten_seconds_and_says_who_works() {
        let read_bytes = AtomicU64::new(0);
        let stage = Stage::Reading { total_bytes: 9_000_000, read_bytes: &read_bytes };
        let begun = Instant::now();
        let mut seen = Seen { work: stage.work(), since: begun, told: begun, bytes: 0 };
        let mut lines = Vec::new();
        for second in 1..=25_u64 {
            let now = begun + LOOK * u32::try_from(second).unwrap();
            read_bytes.store(second * 100_000, Ordering::Relaxed);
            seen.look(stage, now);
            lines.extend(seen.line(stage, now));
        }
        let line = |done| format!("reading: {} of 8.6 MiB, {}/s", size(done), size(100_000));
        assert_eq!(lines, [line(1_000_000), line(2_000_000)]);

        let stage = Stage::Publishing { dry_run: false };
        lines.clear();
        for second in 26..=37 {
            let now = begun + LOOK * second;
            seen.look(stage, now);
            lines.extend(seen.line(stage, now));
        }
        assert_eq!(lines, ["waiting until the server has published it, 4 s"]);
    }
}
