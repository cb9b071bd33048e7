//! The audit log: every byte of it counts, and a real server writes a line for what it does and refuses.

mod altered;
mod killed;
mod reasons;
pub mod served;
