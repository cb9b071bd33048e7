//! `repoctl access …` and `repoctl apply`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::names::{parse_name, parse_role};
use super::{LimitArgs, MessageArg, YesArg};
use crate::api::Role;
use crate::debian::{Component, PackageName, SuiteName};

/// What can be done with rights.
#[derive(Subcommand, Debug)]
pub enum AccessCommand {
    /// List the grants
    #[command(after_help = "EXAMPLE:\n  repoctl access list")]
    List(AccessListArgs),
    /// Give a role to an identity or a group
    Grant(AccessGrantArgs),
    /// Take a role away
    Revoke(AccessRevokeArgs),
    /// Named sets of identities
    #[command(subcommand, after_help = "EXAMPLE:\n  repoctl access group list")]
    Group(GroupCommand),
    /// Explain what an identity may do in a suite, and why, or which grant it lacks
    Explain(ExplainArgs),
    /// Write suites, groups and grants as a file for repoctl apply
    #[command(after_help = "EXAMPLE:\n  repoctl access export > repo.toml")]
    Export,
}

/// What to list.
#[derive(Args, Debug)]
pub struct AccessListArgs {
    /// Also grants that hosts and identities got with their certificates
    #[arg(long)]
    pub all: bool,
}

/// What is given, and to whom.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl access grant uploader ci.example.org --suite stable --component main --package 'acme-web*'\n  \
                  repoctl access grant host @web --suite 'stable*' -m 'new site'\n\n\
                  Every grant adds to the others. Patterns: '*' stands for any text."
)]
pub struct AccessGrantArgs {
    /// The role: host, uploader, operator or admin
    #[arg(value_name = "ROLE", value_parser = parse_role)]
    pub role: Role,
    /// An identity, or '@' and the name of a group
    #[arg(value_name = "NAME|@GROUP")]
    pub to: String,
    /// Suites, in which '*' stands for any text; with commas between or given several times [env:
    /// REPOCTL_SUITE]
    #[arg(long, short, value_name = "SUITE", value_delimiter = ',')]
    pub suite: Vec<String>,
    /// For which parts of them.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// The grant to take away.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl access revoke uploader ci.example.org --suite stable -m 'team left'\n\n\
                  Takes away every such grant; what is named with --suite, --component or --package has to be \
                  all that the grant says of it."
)]
pub struct AccessRevokeArgs {
    /// The role
    #[arg(value_name = "ROLE", value_parser = parse_role)]
    pub role: Role,
    /// An identity, or '@' and the name of a group
    #[arg(value_name = "NAME|@GROUP")]
    pub to: String,
    /// Only the grant for these suites
    #[arg(long, short, value_name = "SUITE", value_delimiter = ',')]
    pub suite: Vec<String>,
    /// Only the grant for these components
    #[arg(long, short = 'C', value_name = "NAME", value_delimiter = ',')]
    pub component: Vec<Component>,
    /// Only the grant for these names
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub package: Vec<String>,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: YesArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// What can be done with groups.
#[derive(Subcommand, Debug)]
pub enum GroupCommand {
    /// Add identities to a group; it is created if it is missing
    #[command(
        after_help = "EXAMPLE:\n  repoctl access group add web 'web-*.example.org' db-01.example.org\n\n\
                      '*' stands for any text within one label: 'web-*.example.org' is web-01.example.org, \
                      and not web-01.test.example.org."
    )]
    Add(GroupMembers),
    /// Remove identities from a group, or the whole group
    #[command(after_help = "EXAMPLE:\n  repoctl access group remove web db-01.example.org")]
    Remove(GroupRemove),
    /// List the groups
    #[command(after_help = "EXAMPLE:\n  repoctl access group list")]
    List,
    /// Show the members and grants of a group
    #[command(after_help = "EXAMPLE:\n  repoctl access group show web")]
    Show {
        /// The group
        #[arg(value_name = "GROUP")]
        group: String,
    },
}

/// The new members.
#[derive(Args, Debug)]
pub struct GroupMembers {
    /// The group
    #[arg(value_name = "GROUP")]
    pub group: String,
    /// Identities, or patterns of them
    #[arg(value_name = "MEMBER")]
    pub members: Vec<String>,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// The members to remove.
#[derive(Args, Debug)]
pub struct GroupRemove {
    /// The group
    #[arg(value_name = "GROUP")]
    pub group: String,
    /// Members, as repoctl access group show lists them
    #[arg(value_name = "MEMBER", required_unless_present = "all")]
    pub members: Vec<String>,
    /// The whole group
    #[arg(long, conflicts_with = "members")]
    pub all: bool,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: YesArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// What to explain.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl access explain ci.example.org stable acme-web")]
pub struct ExplainArgs {
    /// The identity
    #[arg(value_name = "NAME", value_parser = parse_name)]
    pub identity: String,
    /// The suite
    #[arg(value_name = "SUITE")]
    pub suite: SuiteName,
    /// Only for this package
    #[arg(value_name = "PACKAGE")]
    pub package: Option<PackageName>,
    /// Only for this component
    #[arg(long, short = 'C', value_name = "NAME")]
    pub component: Option<Component>,
}

/// What to apply.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl apply -f repo.toml --dry-run\n  repoctl apply -f repo.toml -m 'team web'\n\n\
                  Shows the difference, asks, and makes it. What is not in the file stays, unless \
                  --prune is given; kinds that the file does not speak of are left alone."
)]
pub struct ApplyArgs {
    /// Suites, groups and grants; - for standard input
    #[arg(long, short, value_name = "FILE")]
    pub file: PathBuf,
    /// Only show the difference
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Also remove what is not in the file
    #[arg(long)]
    pub prune: bool,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: YesArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}
