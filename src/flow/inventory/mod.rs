//! WHAT HOSTS HAVE INSTALLED: their reports are taken, and questions are answered from them.
//!
//! May name: error, threads, state, suite, repository, admit, sightings, report

mod difference;
mod following;
mod health;
mod hosts;
mod installed;
mod standing;
mod take;
mod tally;
mod who_has;

pub use difference::{Drift, drift};
pub use following::verdicts;
pub use health::{Word, health, ignore, note};
pub use hosts::{HostRecord, find};
pub use installed::{HostInventory, InstalledOf, Inventory, installed};
pub use standing::{HostStanding, State, SuiteStanding, fleet};
pub use take::take;
pub use tally::{Tally, tally};
pub use who_has::{Answer, Offered, Owner, Wanted, who_has};
