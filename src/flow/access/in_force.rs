//! In force: rights that were recorded count from then on, also where the disk does not give them back
//! at once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tracing::error;

use crate::cause::Cause;
use crate::flow::admit;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::threads::lock;

/// How often rights that were recorded are read again at once.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// Reads the rights that were just recorded. Where that fails, it is tried again with each refresh.
///
/// # Errors
/// [`FlowError::Unknown`]: they are recorded, and not in force yet.
pub(super) fn rights(repository: &Repository) -> Result<(), FlowError> {
    let mut left = ATTEMPTS;
    loop {
        let Err(problem) = admit::reload_grants(repository) else { return Ok(()) };
        left = left.saturating_sub(1);
        if left == 0 {
            repository.rights_owed.store(true, Ordering::Relaxed);
            error!(%problem, "rights were recorded and are not in force yet; they are read again");
            let text = "recorded, and not yet in force; the server tries again by itself";
            return Err(FlowError::Unknown(Cause::while_doing(text, problem)));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Reads the rights that could not be read when they were recorded.
///
/// # Errors
/// [`FlowError`] of the catalogue; the next refresh tries again.
pub(crate) fn settle_rights(repository: &Repository) -> Result<(), FlowError> {
    let _alone = lock(&repository.rights);
    if repository.rights_owed.load(Ordering::Relaxed) {
        admit::reload_grants(repository)?;
        repository.rights_owed.store(false, Ordering::Relaxed);
    }
    Ok(())
}
