//! Known to be vulnerable: what hosts have installed, joined with what is known of flaws.

mod advisories;
mod join;
mod system;

pub use advisories::{Advisories, Counts, Flaw, MOST_WEIGHT, Remedy, TooMany};
pub use join::{Fleet, FleetHost, Line, Row, Vulnerable, join};
pub use system::{System, source_of};

#[cfg(test)]
mod tests;
