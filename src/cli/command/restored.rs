//! `repoctl restored`.

use super::Session;
use crate::cli::args::{RestoredArgs, RestoredCommand};
use crate::cli::failure::Failure;
use crate::cli::render;

/// Shows the last restoration of an earlier state, or acknowledges it.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn restored(session: &mut Session<'_>, args: &RestoredArgs) -> Result<(), Failure> {
    let view = match &args.command {
        None => session.client.show_restored().await?,
        Some(RestoredCommand::Acknowledge(_)) => session.client.acknowledge_restored().await?,
    };
    session.show(&view, |sheet| render::restored::restored(&view, sheet));
    Ok(())
}
