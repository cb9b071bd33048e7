//! `repoctl upload`, `list`, `search`, `show`, `history` and `diff`.

use std::path::PathBuf;

use clap::Args;

use super::{MessageArg, SuiteArg};
use crate::debian::{Component, PackageName};

/// What to publish.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl upload --suite stable dist/ -m 'release 1.4'\n  \
                  find . -name '*.deb' | repoctl upload --suite stable --from-file -\n\n\
                  The same package again is success. What could not be sent because the server was out of reach or \
                  busy is tried again for a while.")]
pub struct UploadArgs {
    /// Where to.
    #[command(flatten)]
    pub to: SuiteArg,
    /// The component
    #[arg(long, short = 'C', value_name = "NAME", default_value = "main")]
    pub component: Component,
    /// Packages, and directories that are searched for *.deb, *.udeb and *.ddeb
    #[arg(value_name = "FILE|DIR", required_unless_present = "from_file")]
    pub paths: Vec<PathBuf>,
    /// A file that names one package or directory a line; - for standard input
    #[arg(long, value_name = "LIST")]
    pub from_file: Option<PathBuf>,
    /// Send and check the packages, but only say what publishing them would do
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Fail when anything that was sent is not offered to hosts, and say what would make it so; the upload
    /// stays
    #[arg(long)]
    pub require_live: bool,
    /// Bring it to all rings of the suite at once; takes an operator
    #[arg(long)]
    pub urgent: bool,
    /// Publish what is not refused, and say at the end what was; exits with 1 if anything was
    #[arg(long)]
    pub keep_going: bool,
    /// For how long to try again when the server is out of reach or busy; 0 for not at all
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    pub retry_seconds: u64,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// What to list.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl list --suite stable hello --all")]
pub struct ListArgs {
    /// Of which suite.
    #[command(flatten)]
    pub of: SuiteArg,
    /// Only the package of this name, and what was built from the source of this name
    #[arg(value_name = "PACKAGE")]
    pub package: Option<PackageName>,
    /// Also older versions that a newer one replaced
    #[arg(long, short)]
    pub all: bool,
}

/// What to find.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl search hello\n  repoctl search 'libhello*'")]
pub struct SearchArgs {
    /// A part of a package name; with * in it, the whole name, in which * stands for anything
    #[arg(value_name = "PATTERN")]
    pub pattern: String,
    /// At most this many
    #[arg(long, short = 'n', value_name = "NUMBER")]
    pub limit: Option<u32>,
}

/// What to show.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl show hello=1.2-1")]
pub struct ShowArgs {
    /// A package name; with =VERSION only this version
    #[arg(value_name = "PACKAGE[=VERSION]")]
    pub package: String,
}

/// Which generations.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl history --suite stable --limit 5\n  \
                        repoctl history --suite stable --package hello")]
pub struct HistoryArgs {
    /// Of which suite.
    #[command(flatten)]
    pub of: SuiteArg,
    /// Only those that moved this package, or one that was built from the source of this name
    #[arg(value_name = "PACKAGE", long, short)]
    pub package: Option<PackageName>,
    /// At most this many, the newest first
    #[arg(
        long,
        short = 'n',
        value_name = "NUMBER",
        default_value = "20",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub limit: u32,
    /// Only those before this one
    #[arg(long, value_name = "GENERATION")]
    pub before: Option<u64>,
}

/// What to compare.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl diff --suite stable 41 42")]
pub struct DiffArgs {
    /// Of which suite.
    #[command(flatten)]
    pub of: SuiteArg,
    /// A generation
    #[arg(value_name = "FROM")]
    pub from: u64,
    /// Another one [default: the live one]
    #[arg(value_name = "TO")]
    pub to: Option<u64>,
}
