//! Names fit: whether hosts can store the lists of a suite under the names that apt gives them.

use crate::domain::{SuiteSpec, host};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;

/// The longest name of a file. Unit: bytes. Source: limits.h, `NAME_MAX`.
const LONGEST_NAME_BYTES: usize = 255;

/// Checks that hosts can store the suite's lists: apt names them by server, suite, component and
/// architecture.
pub(crate) fn lists_fit(repository: &Repository, spec: &SuiteSpec) -> Result<(), FlowError> {
    let Some(address) = repository.address.get() else { return Ok(()) };
    let bytes = host::longest_list_name(&address.public_url, spec);
    if bytes <= LONGEST_NAME_BYTES {
        return Ok(());
    }
    let problem = format!(
        "apt names its lists by server, suite, component and architecture, and would need {bytes} bytes of the \
         {LONGEST_NAME_BYTES} that a file's name may have; use shorter names"
    );
    Err(FlowError::Invalid { field: "name", problem })
}
