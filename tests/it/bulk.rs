//! Much at once: many uploads, hosts that read meanwhile, a rollback in the middle, a server that is
//! told to stop or to look again, and a suite that grows.

mod contents;
mod following;
mod growing;
mod many;
mod overtaking;
mod patches;
mod reading;
mod settling;
mod signals;

/// The host that the tests look with.
const HOST: &str = "web1.example.org";
