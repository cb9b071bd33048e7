//! Concern: something that needs an operator's attention.

use crate::debian::SuiteName;

/// Something that needs an operator's attention.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Concern {
    /// A stable word.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub text: String,
    /// Whom it concerns.
    pub of: Circle,
}

/// Whom a concern is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Circle {
    /// Operators: it is about the server.
    Operators,
    /// Whoever may read the suite that it is about.
    Readers(SuiteName),
    /// Admins: it is about something of which it is not known, in whose suites it is.
    Admins,
}

impl Concern {
    pub(super) fn of_server(code: &'static str, text: impl ToString) -> Self {
        Self { code, text: text.to_string(), of: Circle::Operators }
    }
}
