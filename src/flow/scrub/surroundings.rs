//! Surroundings: what the scrub needs that is in no store.

use std::time::Duration;

use crate::flow::scrub::place::Place;

/// What lies where the place of the scrub is kept.
#[derive(Clone, PartialEq, Debug)]
pub enum Loaded {
    /// Nothing.
    Absent,
    /// Something that was not written there, and why it is not.
    Damaged(String),
    /// The place.
    Place(Box<Place>),
}

/// What the scrub needs that is in no store. All of it may block.
pub trait Surroundings: Send + Sync {
    /// The place that was kept last.
    fn load(&self) -> Loaded;

    /// Keeps a place, for the next start: whole or not at all.
    ///
    /// # Errors
    /// Why it could not, for people.
    fn keep(&self, place: &Place) -> Result<(), String>;

    /// What is wrong with files that are in no store: keys, dates, certificates; and with the audit
    /// log. One text for each fault.
    fn faults(&self) -> Vec<String>;

    /// Waits, or less when the scrub is to stop. Gives whether it goes on.
    fn pause(&self, long: Duration) -> bool;
}
