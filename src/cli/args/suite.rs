//! `repoctl suite …`.

use clap::{Args, Subcommand};

use super::MessageArg;
use crate::debian::{Architecture, Component, SuiteName};

/// What can be done with suites.
#[derive(Subcommand, Debug)]
pub enum SuiteCommand {
    /// Make a suite
    Create(SuiteCreate),
    /// List the suites
    #[command(after_help = "EXAMPLE:\n  repoctl suite list")]
    List,
    /// Show one suite
    #[command(after_help = "EXAMPLE:\n  repoctl suite show stable")]
    Show(SuiteNameArg),
    /// Alter what a suite says of itself, or let it take more
    Edit(SuiteEditArgs),
    /// Remove a suite that holds no packages
    #[command(after_help = "EXAMPLE:\n  repoctl suite remove testing")]
    Remove(SuiteNameArg),
}

/// One suite by name.
#[derive(Args, Debug)]
pub struct SuiteNameArg {
    /// The suite
    #[arg(value_name = "SUITE")]
    pub name: SuiteName,
}

/// What a new suite shall be.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl suite create stable --architecture amd64,arm64 --description 'Production'"
)]
pub struct SuiteCreate {
    /// The suite
    #[arg(value_name = "SUITE")]
    pub name: SuiteName,
    /// The Origin field; it can never be changed [default: the host name of the server]
    #[arg(long, value_name = "TEXT")]
    pub origin: Option<String>,
    /// The Label field; it can never be changed [default: the origin]
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,
    /// The Description field
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub description: String,
    /// Components, with commas between or given several times
    #[arg(
        long,
        short = 'C',
        alias = "components",
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "main"
    )]
    pub component: Vec<Component>,
    /// Architectures, with commas between or given several times
    #[arg(
        long,
        short,
        alias = "architectures",
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "amd64"
    )]
    pub architecture: Vec<Architecture>,
    /// The package names that it owns, such as 'acme-*'; others are refused [default: any name]
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub owns: Vec<String>,
    /// After so many days without renewal, hosts refuse the suite
    #[arg(long, value_name = "DAYS", default_value = "14")]
    pub valid_days: u32,
}

/// What to alter about a suite.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl suite edit stable --add-architecture arm64 -m 'new boards'"
)]
pub struct SuiteEditArgs {
    /// The suite
    #[arg(value_name = "SUITE")]
    pub name: SuiteName,
    /// A new Description field
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// After so many days without renewal, hosts refuse the suite
    #[arg(long, value_name = "DAYS")]
    pub valid_days: Option<u32>,
    /// Components to add
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub add_component: Vec<Component>,
    /// Architectures to add
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub add_architecture: Vec<Architecture>,
    /// The package names that it owns, in place of those it had; '' for any name
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub owns: Option<Vec<String>>,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}
