//! `repoctl restored`.

use clap::{Args, Subcommand};

use super::MessageArg;

/// The restoration of an earlier state, or what is done about it.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "EXAMPLE:\n  repoctl restored\n  \
                  repoctl restored acknowledge -m 'uploaded again, hosts are checked'\n\n\
                  To restore a backup: `repod restore`, on the server."
)]
pub struct RestoredArgs {
    /// What to do about it.
    #[command(subcommand)]
    pub command: Option<RestoredCommand>,
}

/// What can be done about a restoration.
#[derive(Subcommand, Debug)]
pub enum RestoredCommand {
    /// Say that all is well again: the warnings of `repoctl status` and `repoctl audit verify` end
    #[command(after_help = "EXAMPLE:\n  repoctl restored acknowledge -m 'uploaded again'")]
    Acknowledge(RestoredAcknowledge),
}

/// The acknowledgement.
#[derive(Args, Debug)]
pub struct RestoredAcknowledge {
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}
