//! The argument tree. Every command ends its help with an example.

mod access;
mod audit;
mod consent;
mod enrol;
mod fleet;
mod gc;
mod health;
mod names;
mod packages;
mod pins;
mod promote;
mod restored;
mod rights;
mod rollout;
mod signing;
mod suite;
mod why;
mod yank;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::debian::{Component, SuiteName};

pub use access::{
    CrlCommand, HostCommand, HostIssue, HostListArgs, HostSetupArgs, IdentityCommand,
    IdentityIssue, NamedRevoke,
};
pub use audit::{AuditArgs, AuditCommand, AuditVerify};
#[cfg(test)]
pub use audit::{When, parse_when};
pub use consent::Consent;
#[cfg(test)]
pub use enrol::parse_minutes;
pub use enrol::{HostEnroll, HostRefresh, HostRenew, HostToken, UpgradeArg};
pub use fleet::{
    FleetArgs, FleetCommand, FleetDiffArgs, HostReportArgs, VulnerableArgs, WhoHasArgs,
};
pub use gc::GcArgs;
pub use health::{HealthCommand, HealthRunArgs};
pub use packages::{DiffArgs, HistoryArgs, ListArgs, SearchArgs, ShowArgs, UploadArgs};
pub use pins::parse_hours;
pub use pins::{ChangeArgs, HoldArgs, PinArgs, PinsArgs, ReleaseArgs, RemoveArgs, UnpinArgs};
pub use promote::PromoteArgs;
pub use restored::{RestoredArgs, RestoredCommand};
pub use rights::{
    AccessCommand, AccessGrantArgs, AccessRevokeArgs, ApplyArgs, ExplainArgs, GroupCommand,
    GroupMembers, GroupRemove,
};
pub use rollout::{RolloutCommand, RolloutHalt, RolloutStatus, WhichArg};
pub use signing::{KeyCommand, KeyWord};
pub use suite::{SuiteCommand, SuiteCreate, SuiteEditArgs};

pub use yank::YankArgs;

/// Uploads, pins, rolls back and asks, over HTTPS with a client certificate.
#[derive(Parser, Debug)]
#[command(
    name = "repoctl",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "EXAMPLE:\n  repoctl upload --suite stable dist/*.deb -m 'release 1.4'\n\n\
                  EXIT CODES:\n  0  done, or already so\n  1  refused\n  2  wrong command line or configuration\n  3  not allowed\n  \
                  4  server out of reach, busy or failing: the message says whether\n     to try again or to look first\n\n\
                  What moves more than was named, or cannot be undone by one command, shows what it would do and \
                  asks. Where nobody can be asked, it wants --yes and else ends with 2."
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Connection")]
pub struct Global {
    /// Where the server is, such as repo.example.org:8443 [env: REPOCTL_SERVER]
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// The client certificate, in PEM [env: REPOCTL_CERT]
    #[arg(long, global = true, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// Its private key, in PEM [env: REPOCTL_KEY]
    #[arg(long, global = true, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// The authority that the server is recognised by, in PEM [env: REPOCTL_CA]
    #[arg(long, global = true, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// A file with all of these [env: REPOCTL_CONFIG] [default: ~/.config/repoctl/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON for programs instead of text for people
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colours: by itself only on a terminal, and not where NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true
    )]
    pub color: clap::ColorChoice,
    /// Print a long answer on a terminal without a pager [env: REPOCTL_PAGER, PAGER]
    #[arg(long, global = true)]
    pub no_pager: bool,
}

/// Which suite.
#[derive(Args, Debug, Clone, Default)]
pub struct SuiteArg {
    /// The suite [env: REPOCTL_SUITE] [default: suite in config.toml]
    #[arg(long, short, value_name = "SUITE")]
    pub suite: Option<SuiteName>,
}

/// Why.
#[derive(Args, Debug, Clone, Default)]
pub struct MessageArg {
    /// Why; kept in the audit log, and with the generation where there is a new one
    #[arg(long, short, value_name = "WHY", default_value = "", hide_default_value = true)]
    pub message: String,
}

/// Whether to ask.
#[derive(Args, Debug, Clone, Copy, Default)]
pub struct YesArg {
    /// Do not ask for confirmation; does not replace --all or --force
    #[arg(long, short)]
    pub yes: bool,
}

/// What a right is limited to.
#[derive(Args, Debug, Clone, Default)]
pub struct LimitArgs {
    /// Only for these components of them
    #[arg(long, short = 'C', value_name = "NAME", value_delimiter = ',')]
    pub component: Vec<Component>,
    /// Only for packages of these names, in which '*' stands for any text
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub package: Vec<String>,
}

/// What can be done.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make, show, edit and remove suites
    #[command(subcommand, after_help = "EXAMPLE:\n  repoctl suite list")]
    Suite(SuiteCommand),
    /// Publish packages: all of them in one generation, or nothing
    Upload(UploadArgs),
    /// List the packages of a suite
    List(ListArgs),
    /// Find packages by name in every suite
    Search(SearchArgs),
    /// Show where the versions of a package are and who uploaded them
    Show(ShowArgs),
    /// Show the generations of a suite
    History(HistoryArgs),
    /// Show what differs between two generations
    Diff(DiffArgs),
    /// Offer exactly one version of a package, or roll back
    Pin(PinArgs),
    /// End pins, so that newer versions are offered again
    Unpin(UnpinArgs),
    /// List the pins
    Pins(PinsArgs),
    /// Promote packages from one suite to another, without sending them again
    Promote(PromoteArgs),
    /// Stop offering packages
    Remove(RemoveArgs),
    /// Have a version offered nowhere: it leaves every suite, ring and snapshot
    Yank(YankArgs),
    /// List what is yanked
    #[command(after_help = "EXAMPLE:\n  repoctl yanks")]
    Yanks,
    /// Offer nothing new in a suite until it is released
    Hold(HoldArgs),
    /// Offer again what is uploaded to a suite, and what came while it was held
    Release(ReleaseArgs),
    /// Changes on their way through the rings of a suite
    #[command(subcommand, after_help = "EXAMPLE:\n  repoctl rollout status --suite stable")]
    Rollout(RolloutCommand),
    /// Certificates for hosts, and what hosts need in /etc/apt
    #[command(subcommand, after_help = "EXAMPLE:\n  repoctl host issue web-01 --suite stable")]
    Host(HostCommand),
    /// Show which hosts have a package installed, and which were offered it
    WhoHas(WhoHasArgs),
    /// Show how the hosts stand to their suites, and which of a group differ
    Fleet(FleetArgs),
    /// Run the checks of this host, and say of which hosts they do not count
    #[command(subcommand, after_help = "EXAMPLE:\n  repoctl health run")]
    Health(HealthCommand),
    /// Certificates for build jobs and people
    #[command(subcommand, after_help = "EXAMPLE:\n  repoctl identity list")]
    Identity(IdentityCommand),
    /// The keys that sign what hosts read
    #[command(subcommand, after_help = "EXAMPLE:\n  repoctl key status")]
    Key(KeyCommand),
    /// Revocation lists of a CA of your own
    #[command(subcommand, after_help = "EXAMPLE:\n  repoctl crl show")]
    Crl(CrlCommand),
    /// Show who did what, when and why, and prove that nothing of it was altered
    Audit(AuditArgs),
    /// Remove what suites do not keep: older versions and generations, and their bytes
    Gc(GcArgs),
    /// Show what a restored backup left open, or say that all is well again
    Restored(RestoredArgs),
    /// Who may do what: groups, grants, and why
    #[command(subcommand, after_help = "EXAMPLE:\n  repoctl access explain ci.example.org stable")]
    Access(AccessCommand),
    /// Make suites, groups and grants what a file says
    Apply(ApplyArgs),
    /// Show the state of the server and its suites
    #[command(after_help = "EXAMPLE:\n  repoctl status --json | jq .warnings")]
    Status,
    /// Show your identity on the server, and what you may do
    #[command(after_help = "EXAMPLE:\n  repoctl whoami")]
    Whoami,
    /// Print the completion script for a shell
    #[command(after_help = "EXAMPLE:\n  repoctl completions bash > /etc/bash_completion.d/repoctl")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    #[command(after_help = "EXAMPLE:\n  repoctl man /usr/local/share/man/man1")]
    Man {
        /// The directory to write to; created if it is missing
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}
