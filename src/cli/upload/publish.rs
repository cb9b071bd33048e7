//! Publish: the one change that lists what was sent.

use super::gather::Parcel;
use super::refused::{Others, Refusals, Refused, of_change};
use super::trial::Trial;
use crate::api::{ChangeOutcome, ChangeRequest};
use crate::cli::failure::Failure;
use crate::client::{Client, ClientError};
use crate::debian::SuiteName;

/// Where packages are published, and how.
pub(super) struct Order<'o> {
    pub(super) client: &'o Client,
    pub(super) suite: &'o SuiteName,
    /// The change that adds these packages.
    pub(super) request: &'o (dyn Fn(&[Parcel]) -> ChangeRequest + Send + Sync),
    /// Whether refused packages are left out, and the others published.
    pub(super) keep_going: bool,
}

/// Publishes packages in one change. When it goes on without refused ones, a refused change is asked for
/// again without the packages that it was refused for: nothing of it was done.
///
/// # Errors
/// A [`Failure`] that names the files of what was refused, unless it goes on without them.
pub(super) async fn publish(
    order: &Order<'_>,
    trial: &Trial<'_, '_>,
    mut parcels: Vec<Parcel>,
    refusals: &mut Refusals,
) -> Result<Option<ChangeOutcome>, Failure> {
    while !parcels.is_empty() {
        let request = (order.request)(&parcels);
        let error = match trial.keep(|| order.client.change(order.suite, &request)).await {
            Ok(outcome) => return Ok(Some(outcome)),
            Err(error) => error,
        };
        let found = match &error {
            ClientError::Problem { problem, .. } => of_change(problem, &parcels),
            _ => None,
        };
        let Some(mut found) = found else { return Err(error.into()) };
        // Where one of two at odds is refused for another reason as well, the other one may be taken.
        if order.keep_going && found.iter().any(Refused::by_itself) {
            found.retain(Refused::by_itself);
        }
        refusals.extend(found);
        parcels.retain(|parcel| !refusals.contains(&parcel.digest));
        if !order.keep_going {
            let Failure { exit, hint, .. } = error.into();
            return Err(Failure { exit, hint, ..refusals.failure(parcels.len(), Others::Left) });
        }
    }
    Ok(None)
}

/// Adds what the change with these packages would be refused for, where others of the upload were refused by
/// their bytes, so that all of it is told at once. Gives what to do about that.
pub(super) async fn rehearse(
    order: &Order<'_>,
    trial: &Trial<'_, '_>,
    parcels: &mut Vec<Parcel>,
    refusals: &mut Refusals,
) -> Option<String> {
    if parcels.is_empty() {
        return None;
    }
    let request = ChangeRequest { dry_run: true, ..(order.request)(parcels) };
    // Whatever else fails says nothing of the packages.
    let error = trial.keep(|| order.client.change(order.suite, &request)).await.err()?;
    let ClientError::Problem { problem, .. } = &error else { return None };
    refusals.extend(of_change(problem, parcels)?);
    parcels.retain(|parcel| !refusals.contains(&parcel.digest));
    Failure::from(error).hint
}
