//! `repoctl yank` and `yanks`.

use clap::Args;

use super::ChangeArgs;
use crate::debian::Namespace;

/// What to yank.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl yank hello=1.4-1 -m 'deletes the mail queue'\n  \
                  repoctl yank --undo hello=1.4-1 -m 'it was another package'\n\n\
                  PACKAGE is a source package, unless --binary. The version leaves every suite and ring of its\n\
                  namespace, snapshots too, and no pin, rollback, promotion or upload brings it back. After --undo\n\
                  a pin may name it again. It takes an operator of every suite that has taken it.")]
pub struct YankArgs {
    /// A source package and its version
    #[arg(value_name = "PACKAGE=VERSION")]
    pub target: String,
    /// PACKAGE is one binary package, not a source package
    #[arg(long)]
    pub binary: bool,
    /// The namespace of the suites
    #[arg(long, value_name = "NAME", default_value = Namespace::DEFAULT)]
    pub namespace: Namespace,
    /// Let it come back where a person names it
    #[arg(long)]
    pub undo: bool,
    /// How.
    #[command(flatten)]
    pub how: ChangeArgs,
}
