//! Time: whole seconds since 1970, read from a clock that callers pass in.
//!
//! May name: nothing

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

mod jump;
mod lasting;
mod moment;
mod window;

pub use jump::{Doubt, HOLD_SECONDS, PastJump, Reading, Steadiness};
pub use lasting::{Lasting, LastingError};
pub use moment::Moment;
pub use window::{Window, WindowError};

/// The processor time of this thread; the time of other threads does not count.
pub fn thread_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(spent.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(spent.tv_nsec).unwrap_or_default())
}

/// A source of the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Moment;

    /// How long to wait for `at` before the clock is read again: zero when it is past, and 10 s at most, because
    /// a clock may be put right meanwhile.
    fn until(&self, at: Moment) -> Duration;

    /// The present moment, and the time since the machine started, asleep or not, which nobody can
    /// set. Unit of the latter: seconds.
    fn both(&self) -> (Moment, i64);

    /// How much time has passed since some moment before this program started, in whole seconds. It
    /// never goes back, and setting the clock does not change it.
    fn elapsed(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.both().1).unwrap_or_default())
    }

    /// Which start of the machine this is.
    fn boot(&self) -> String;

    /// What both clocks show.
    fn reading(&self) -> Reading {
        let (at, uptime_seconds) = self.both();
        Reading { at, uptime_seconds, boot: self.boot() }
    }
}

const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The machine's own clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the room that reads the clock")]
    fn now(&self) -> Moment {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Moment(since.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX)))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the room that reads the clock")]
    fn until(&self, at: Moment) -> Duration {
        let at = UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(at.0).unwrap_or(0)));
        at.and_then(|at| at.duration_since(SystemTime::now()).ok())
            .unwrap_or_default()
            .min(LONGEST_WAIT)
    }

    fn both(&self) -> (Moment, i64) {
        let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        (self.now(), uptime.tv_sec)
    }

    #[expect(clippy::disallowed_methods, reason = "the kernel tells it in a file")]
    fn boot(&self) -> String {
        let told = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let boot = told.unwrap_or_default().trim().replace(char::is_whitespace, "");
        if boot.is_empty() { jump::UNKNOWN.into() } else { boot }
    }
}

/// A clock that only moves when it is set; for tests and simulations. Clones share the time.
#[derive(Clone)]
pub struct HandClock(Arc<Mutex<(Moment, i64)>>);

impl HandClock {
    /// A clock that shows `at`. Its machine was started in 1970, so that all such clocks agree.
    pub fn at(at: Moment) -> Self {
        Self(Arc::new(Mutex::new((at, at.0))))
    }

    /// Lets time pass. With fewer than no seconds it is a [`HandClock::jump`].
    pub fn advance(&self, seconds: i64) {
        self.set(seconds, seconds.max(0));
    }

    /// Sets the wall clock forward or back, while no time passes.
    pub fn jump(&self, seconds: i64) {
        self.set(seconds, 0);
    }

    fn set(&self, wall: i64, uptime: i64) {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *both = (both.0.plus(wall), both.1.saturating_add(uptime));
    }
}

impl Clock for HandClock {
    fn now(&self) -> Moment {
        self.both().0
    }

    /// Nothing says when somebody moves the hand, so it is never long until one looks again.
    fn until(&self, at: Moment) -> Duration {
        if self.now() >= at { Duration::ZERO } else { Duration::from_millis(5) }
    }

    fn both(&self) -> (Moment, i64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn boot(&self) -> String {
        "hand".into()
    }
}
