//! The contracts of the stores: one suite a trait, run on every back end.
#![expect(clippy::disallowed_methods, reason = "looks at the files that the stores keep")]

mod catalogue;
mod pool;
