//! Concern: something that needs an operator's attention.

use crate::debian::SuiteName;

/// Something that needs an operator's attention.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Concern {
    /// A stable word.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub text: String,
    /// The suite it is about; `None` for what is about the server.
    pub suite: Option<SuiteName>,
}

impl Concern {
    pub(super) fn of_server(code: &'static str, text: impl ToString) -> Self {
        Self { code, text: text.to_string(), suite: None }
    }
}
