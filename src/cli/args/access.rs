//! `repoctl host …` and `repoctl identity …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::names::{parse_name, parse_role};
use super::{
    HostEnroll, HostRefresh, HostRenew, HostReportArgs, HostToken, LimitArgs, MessageArg,
    UpgradeArg, YesArg,
};
use crate::api::Role;
use crate::debian::SuiteName;

/// What can be done with hosts.
#[derive(Subcommand, Debug)]
pub enum HostCommand {
    /// Make a key, get a certificate for it, and write everything that the host needs
    Issue(HostIssue),
    /// Make a token by which a new machine gets all of that itself, once
    Token(HostToken),
    /// On a new machine: make a key, get the certificate for a token, and set apt up
    Enroll(HostEnroll),
    /// On a host: get the next certificate, when the present one is about to end
    Renew(HostRenew),
    /// On a host: write what it lacks, such as the files of a suite that was given to it
    Refresh(HostRefresh),
    /// On a host: tell the server what is installed here
    Report(HostReportArgs),
    /// Write what a host needs, except its key and certificate
    Setup(HostSetupArgs),
    /// Give a host its right, when its certificate comes from a CA of your own
    Grant(HostGrantArgs),
    /// List the hosts, their certificates and what they were offered last
    List(HostListArgs),
    /// Show one host
    #[command(after_help = "EXAMPLE:\n  repoctl host show web-01.example.org")]
    Show {
        /// The host
        #[arg(value_name = "NAME", value_parser = parse_name)]
        name: String,
    },
    /// Revoke a host's certificates and rights at once
    #[command(after_help = "EXAMPLE:\n  repoctl host revoke web-01.example.org -m 'stolen'")]
    Revoke(NamedRevoke),
}

/// Which hosts.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl host list --suite stable --behind\n\n\
                        LAST UPDATE is when its apt-get update last asked for a suite; OFFERED is the generation of \
                        each suite that it was given then. Whether it installed it, only the host knows.")]
pub struct HostListArgs {
    /// Only hosts that read this suite, and only of this suite
    #[arg(long, short, value_name = "SUITE")]
    pub suite: Option<SuiteName>,
    /// Only hosts that were not offered the generation that is live
    #[arg(long)]
    pub behind: bool,
    /// Also those that were revoked and hold no right
    #[arg(long, short)]
    pub all: bool,
}

/// What can be done with identities.
#[derive(Subcommand, Debug)]
pub enum IdentityCommand {
    /// Make a key and get a certificate for it
    Issue(IdentityIssue),
    /// Give an identity its right, when its certificate comes from a CA of your own
    Grant(IdentityGrantArgs),
    /// List the identities and their certificates
    #[command(after_help = "EXAMPLE:\n  repoctl identity list")]
    List {
        /// Also those that were revoked and hold no right
        #[arg(long, short)]
        all: bool,
    },
    /// Revoke an identity's certificates and rights at once
    #[command(
        after_help = "EXAMPLE:\n  repoctl identity revoke ci.example.org -m 'runner replaced'"
    )]
    Revoke(NamedRevoke),
}

/// A certificate for a host.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl host issue web-01.example.org --suite stable\n  \
                  scp -r web-01.example.org root@web-01.example.org: && \\\n  \
                  ssh root@web-01.example.org sh web-01.example.org/install.sh\n\n\
                  The key is made on this machine and never sent to the server.")]
pub struct HostIssue {
    /// The host, as it is called: lower-case letters, digits, '-' and '.'
    #[arg(value_name = "NAME", value_parser = parse_name)]
    pub name: String,
    /// Suites that it may read, with commas between or given several times [env: REPOCTL_SUITE]
    #[arg(long, short, value_name = "SUITE", value_delimiter = ',')]
    pub suite: Vec<SuiteName>,
    /// How often it upgrades.
    #[command(flatten)]
    pub upgrade: UpgradeArg,
    /// How.
    #[command(flatten)]
    pub how: IssueArgs,
}

/// How a certificate is issued.
#[derive(Args, Debug)]
pub struct IssueArgs {
    /// How long the certificate is valid [default: the server's setting]
    #[arg(long, value_name = "DAYS")]
    pub days: Option<u32>,
    /// A new directory [default: ./NAME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: YesArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// What a host needs.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl host setup web-01.example.org --out web-01")]
pub struct HostSetupArgs {
    /// The host
    #[arg(value_name = "NAME", value_parser = parse_name)]
    pub name: String,
    /// Only these suites, with commas between or given several times [default: all it may read]
    #[arg(long, short, value_name = "SUITE", value_delimiter = ',')]
    pub suite: Vec<SuiteName>,
    /// The directory to write to; existing files are replaced
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How often it upgrades.
    #[command(flatten)]
    pub upgrade: UpgradeArg,
}

/// A certificate for a build job or a person.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl identity issue ci.example.org --role uploader --suite testing\n  \
                  repoctl identity issue ci.example.org --role uploader --suite testing --package 'acme-web*'\n\n\
                  The key is made on this machine and never sent to the server."
)]
pub struct IdentityIssue {
    /// The identity: lower-case letters, digits, '-' and '.'
    #[arg(value_name = "NAME", value_parser = parse_name)]
    pub name: String,
    /// What it is trusted to do: host, uploader, operator or admin
    #[arg(long, value_parser = parse_role)]
    pub role: Role,
    /// Suites that it is for, with commas between or given several times [env: REPOCTL_SUITE]
    #[arg(long, short, value_name = "SUITE", value_delimiter = ',')]
    pub suite: Vec<SuiteName>,
    /// Every suite, also those made later
    #[arg(long, conflicts_with = "suite")]
    pub all_suites: bool,
    /// For which parts of them.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// How.
    #[command(flatten)]
    pub how: IssueArgs,
}

/// The right of a host.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl host grant web-01.example.org --suite stable -m 'new rack'"
)]
pub struct HostGrantArgs {
    /// The host, as its certificate names it
    #[arg(value_name = "NAME", value_parser = parse_name)]
    pub name: String,
    /// Suites that it may read, with commas between or given several times [env: REPOCTL_SUITE]
    #[arg(long, short, value_name = "SUITE", value_delimiter = ',')]
    pub suite: Vec<SuiteName>,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: YesArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// The right of a build job or a person.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl identity grant ci.example.org --role uploader --suite testing --package 'acme-web*'"
)]
pub struct IdentityGrantArgs {
    /// The identity, as its certificate names it
    #[arg(value_name = "NAME", value_parser = parse_name)]
    pub name: String,
    /// What it is trusted to do: host, uploader, operator or admin
    #[arg(long, value_parser = parse_role)]
    pub role: Role,
    /// Suites that it is for, with commas between or given several times [env: REPOCTL_SUITE]
    #[arg(long, short, value_name = "SUITE", value_delimiter = ',')]
    pub suite: Vec<SuiteName>,
    /// Every suite, also those made later
    #[arg(long, conflicts_with = "suite")]
    pub all_suites: bool,
    /// For which parts of them.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: YesArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// What can be done with revocation lists.
#[derive(Subcommand, Debug)]
pub enum CrlCommand {
    /// Deliver revocation lists of a CA of your own, also while the server refuses everything else
    Put(CrlPut),
    /// Show the CAs whose clients are trusted, and the list of each
    #[command(after_help = "EXAMPLE:\n  repoctl crl show")]
    Show,
}

/// What to deliver.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl crl put issuing.crl -m 'weekly'")]
pub struct CrlPut {
    /// Lists in PEM or DER
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// Whose certificates to revoke.
#[derive(Args, Debug)]
pub struct NamedRevoke {
    /// The name
    #[arg(value_name = "NAME", value_parser = parse_name)]
    pub name: String,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: YesArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}
