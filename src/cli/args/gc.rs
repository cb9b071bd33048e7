//! `repoctl gc`.

use clap::Args;

use super::{MessageArg, YesArg};

/// How to collect.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl gc --dry-run\n  repoctl gc -m 'the disk fills'\n\n\
                  What a suite keeps: 'repoctl suite edit SUITE --keep-versions N --keep-days DAYS'. What nothing\n\
                  needs any more is marked first, and removed a day later, with its bytes; the server does both\n\
                  by itself every hour. A version belongs to its bytes for ever, also when they are gone.")]
pub struct GcArgs {
    /// Only show what would go
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: YesArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}
