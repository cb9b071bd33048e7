//! Fault: what failed with a file of the tree.

use std::io;
use std::path::Path;

use crate::flow::FlowError;

pub(super) fn failed<'p>(
    what: &'static str,
    path: &'p Path,
) -> impl FnOnce(io::Error) -> FlowError + 'p {
    move |error| FlowError::internal(format!("cannot {what} {}", path.display()))(error)
}
