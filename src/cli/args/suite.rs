//! `repoctl suite …`.

use clap::builder::{BoolishValueParser, UnknownArgumentValueParser};
use clap::{Args, Subcommand};

use super::rollout::{parse_freeze, parse_policy, parse_ring};
use super::{MessageArg, YesArg};
use crate::api::{Freeze, KeepChange, Ring, RolloutPolicy};
use crate::debian::{Architecture, Component, Namespace, Privilege, SuiteName, Versions};

/// What can be done with suites.
#[derive(Subcommand, Debug)]
pub enum SuiteCommand {
    /// Make a suite
    Create(Box<SuiteCreate>),
    /// List the suites
    #[command(after_help = "EXAMPLE:\n  repoctl suite list")]
    List,
    /// Show one suite
    #[command(after_help = "EXAMPLE:\n  repoctl suite show stable")]
    Show(SuiteShow),
    /// Alter what a suite says of itself, or let it take more
    Edit(Box<SuiteEditArgs>),
    /// Remove a suite that holds no packages
    Remove(SuiteRemove),
    /// Start a suite's Dates anew, after it was signed by a clock that was ahead
    Redate(SuiteRedateArgs),
}

/// Which one to show.
#[derive(Args, Debug)]
pub struct SuiteShow {
    /// The suite
    #[arg(value_name = "SUITE")]
    pub name: SuiteName,
}

/// Which one to remove.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl suite remove testing -m 'never used'")]
pub struct SuiteRemove {
    /// The suite
    #[arg(value_name = "SUITE")]
    pub name: SuiteName,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: YesArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// Of which one the Dates start anew.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl suite redate stable -m 'the clock was a week ahead'")]
pub struct SuiteRedateArgs {
    /// The suite
    #[arg(value_name = "SUITE")]
    pub name: SuiteName,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: YesArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// What a new suite shall be.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl suite create stable --architecture amd64,arm64 -m 'production'"
)]
pub struct SuiteCreate {
    /// The suite
    #[arg(value_name = "SUITE")]
    pub name: SuiteName,
    /// A second name, which is its Suite field then; its own name is its Codename
    #[arg(long, value_name = "SUITE")]
    pub alias: Option<SuiteName>,
    /// The Origin field; it can never be changed [default: the server's public name]
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
    /// Within which a version belongs to one set of bytes: suites for several releases of a distribution name one
    /// each; it can never be changed, for hosts would keep other bytes of a version that they have
    #[arg(long, value_name = "NAME", default_value = Namespace::DEFAULT)]
    pub namespace: Namespace,
    /// The package names that it owns, such as 'acme-*'; others are refused [default: any name]
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub owns: Vec<String>,
    /// What its packages may do to all of its hosts: essential, protected, phased-updates; others that would
    /// are refused
    #[arg(long, value_name = "PRIVILEGE", value_delimiter = ',')]
    pub allow: Vec<Privilege>,
    /// After so many days without renewal, hosts refuse the suite
    #[arg(long, value_name = "DAYS", default_value = "14")]
    pub valid_days: u32,
    /// Hosts take packages from it only when a person names the suite (priority 1); it can never be
    /// changed
    #[arg(long)]
    pub not_automatic: bool,
    /// Hosts then follow its upgrades (priority 100), as Debian's backports do; it can never be changed
    #[arg(long, requires = "not_automatic")]
    pub but_automatic_upgrades: bool,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
    // Last: clap puts what follows under its heading, too.
    /// What hosts are offered.
    #[command(flatten)]
    pub offer: OfferArgs,
}

/// What may be said of a suite at its creation and afterwards.
#[derive(Args, Debug)]
#[command(next_help_heading = "What hosts are offered")]
pub struct OfferArgs {
    /// How many versions of a package are listed at most, the newest ones: a number, or 'all'; a new suite lists one
    #[arg(long, value_name = "N|all")]
    pub versions: Option<Versions>,
    /// Where 'apt changelog' looks: an https address with @CHANGEPATH@ in it; '' for nowhere
    #[arg(long, value_name = "URL")]
    pub changelogs: Option<String>,
    /// Where apt finds an earlier state: an https address with @SNAPSHOTID@ in it [default: on this
    /// server]
    #[arg(long, value_name = "URL")]
    pub snapshots: Option<String>,
    /// Do not say where apt finds an earlier state
    #[arg(long, conflicts_with = "snapshots")]
    pub no_snapshots: bool,
    /// Whether Contents-ARCH is made, which apt-file reads [default: yes]
    #[arg(long, value_name = "yes|no", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub contents: Option<bool>,
    /// Whether patches from earlier indices are made, which save hosts traffic [default: yes]
    #[arg(long, value_name = "yes|no", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub pdiffs: Option<bool>,
    /// A ring, in the order in which changes reach them: hosts, patterns of hosts, @GROUP, or a share such as 10% or
    /// 10%@GROUP; hosts in no ring come last
    #[arg(long, value_name = "NAME=HOST,…", value_parser = parse_ring)]
    pub ring: Vec<Ring>,
    /// By what its rollouts begin, go on and stop: start=change|manual, advance=manual|time|reports, soak=30m, installed=90,
    /// silent=10 (percent of a ring), failures=0, failures_percent=0, deadline=1d, abort=never|first-ring|always
    #[arg(long, value_name = "SETTING=VALUE,…", value_parser = parse_policy)]
    pub rollout: Option<RolloutPolicy>,
    /// When its rollouts take no step, every week or once: 'Fri 16:00..Mon 08:00 Europe/Berlin' or
    /// '2026-12-19 00:00..2027-01-04 08:00 UTC'
    #[arg(long, value_name = "NAME=FROM..TO ZONE", value_parser = parse_freeze)]
    pub freeze: Vec<Freeze>,
    /// Keep the newest N versions of each package, listed or not; 0 for no such rule [default: everything is kept]
    #[arg(long, value_name = "N")]
    pub keep_versions: Option<u16>,
    /// Keep for so long what was listed, and its generations; 0 for no such rule
    #[arg(long, value_name = "DAYS")]
    pub keep_days: Option<u32>,
    /// Keep what a host has that was seen within so long; 0: hosts keep nothing [default: 30]
    #[arg(long, value_name = "DAYS")]
    pub keep_installed_days: Option<u32>,
    /// Whether long descriptions stand in a Translation-en instead of Packages [default: no]
    #[arg(long, value_name = "yes|no", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub translations: Option<bool>,
}

impl OfferArgs {
    /// By what rollouts go on and stop, as far as anything is said of it.
    pub fn policy(&self) -> Option<RolloutPolicy> {
        let freezes = (!self.freeze.is_empty()).then(|| self.freeze.clone());
        match (&self.rollout, freezes) {
            (None, None) => None,
            (policy, freezes) => {
                Some(RolloutPolicy { freezes, ..policy.clone().unwrap_or_default() })
            }
        }
    }

    /// What the suite keeps, as far as it is said.
    pub fn keep(&self) -> KeepChange {
        KeepChange {
            versions: self.keep_versions,
            days: self.keep_days,
            installed_days: self.keep_installed_days,
        }
    }

    /// Where apt finds an earlier state, as the API has it: empty for nowhere.
    pub fn snapshots(&self) -> Option<String> {
        if self.no_snapshots { Some(String::new()) } else { self.snapshots.clone() }
    }
}

/// Said to who wants to move a suite.
const STAYS: &str = "a suite stays in its namespace; make another one in the other: \
                     `repoctl suite create NAME --namespace NAMESPACE`";

/// What to alter about a suite.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl suite edit stable --add-architecture arm64 -m 'new boards'"
)]
pub struct SuiteEditArgs {
    /// The suite
    #[arg(value_name = "SUITE")]
    pub name: SuiteName,
    /// Another second name, which is its Suite field then; hosts that read it by the one of before stop
    #[arg(long, value_name = "SUITE")]
    pub alias: Option<SuiteName>,
    /// It has no second name
    #[arg(long, conflicts_with = "alias")]
    pub no_alias: bool,
    /// Not known here, and people look for it: a suite stays in its namespace.
    #[arg(long, hide = true, value_parser = UnknownArgumentValueParser::suggest(STAYS))]
    pub namespace: Option<String>,
    /// It has no rings: changes reach all hosts at once
    #[arg(long, conflicts_with = "ring")]
    pub no_rings: bool,
    /// Its rollouts stand still at no time
    #[arg(long, conflicts_with = "freeze")]
    pub no_freezes: bool,
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
    /// Architectures to take away; refused while packages of theirs are listed
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub remove_architecture: Vec<Architecture>,
    /// Take the packages of these architectures out of the suite, too
    #[arg(long, requires = "remove_architecture")]
    pub with_packages: bool,
    /// The package names that it owns, in place of those it had
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub owns: Option<Vec<String>>,
    /// It owns any name
    #[arg(long, conflicts_with = "owns")]
    pub owns_any: bool,
    /// What its packages may do to all of its hosts, in place of what they might before: essential,
    /// protected, phased-updates
    #[arg(long, value_name = "PRIVILEGE", value_delimiter = ',')]
    pub allow: Option<Vec<Privilege>>,
    /// Its packages may do nothing of that
    #[arg(long, conflicts_with = "allow")]
    pub allow_nothing: bool,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: YesArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
    // Last: clap puts what follows under its heading, too.
    /// What hosts are offered.
    #[command(flatten)]
    pub offer: OfferArgs,
}

impl SuiteEditArgs {
    /// Another alias, as the API has it: empty for none.
    pub fn alias(&self) -> Option<String> {
        if self.no_alias {
            Some(String::new())
        } else {
            self.alias.as_ref().map(ToString::to_string)
        }
    }
}
