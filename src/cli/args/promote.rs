//! `repoctl promote`.

use clap::Args;

use super::ChangeArgs;
use crate::debian::{Component, SuiteName};

/// What to promote.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl promote --from edge --to stable hello -m 'a week in edge'\n  \
                  repoctl promote --from edge --to stable hello=1.4-1 libhello1\n  \
                  repoctl promote --from edge --to stable --all --dry-run\n\n\
                  PACKAGE is a source package: everything built from it that --from lists comes together, unless \
                  --binary. Without =VERSION it is the highest version that --from lists.\n\n\
                  What --to lists already is success. Behind a higher version or a pin of --to a package waits, as \
                  after an upload. What --to was rolled back from stays out: `repoctl pin` brings it back."
)]
pub struct PromoteArgs {
    /// The suite that lists the packages
    #[arg(long, value_name = "SUITE")]
    pub from: SuiteName,
    /// The suite that takes them [env: REPOCTL_SUITE] [default: suite in config.toml]
    #[arg(long, value_name = "SUITE")]
    pub to: Option<SuiteName>,
    /// Source packages, each with a version or in the highest one
    #[arg(value_name = "PACKAGE[=VERSION]", conflicts_with = "all")]
    pub targets: Vec<String>,
    /// Everything that --from lists
    #[arg(long)]
    pub all: bool,
    /// What this generation of --from listed, instead of the live one
    #[arg(long, value_name = "GENERATION")]
    pub generation: Option<u64>,
    /// The component to take them into [default: each keeps its own]
    #[arg(long, short = 'C', value_name = "NAME")]
    pub component: Option<Component>,
    /// PACKAGE is one binary package, not a source package
    #[arg(long)]
    pub binary: bool,
    /// Every version that --from lists, not only the highest
    #[arg(long)]
    pub all_versions: bool,
    /// Fail when anything that was promoted is not offered to hosts, and say what would make it so; the
    /// promotion stays
    #[arg(long)]
    pub require_live: bool,
    /// Bring it to all rings of --to at once; takes an operator of it
    #[arg(long)]
    pub urgent: bool,
    /// Only if this is the last generation of --to
    #[arg(long, value_name = "GENERATION")]
    pub expect: Option<u64>,
    /// How.
    #[command(flatten)]
    pub how: ChangeArgs,
}
