//! `repoctl pin`, `unpin`, `pins`, `remove`, `hold` and `release`.

use clap::Args;

use super::{MessageArg, SuiteArg, YesArg};
use crate::debian::PackageName;

/// What to pin, or to roll back.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl pin --suite stable --rollback hello -m 'crashes at start'\n  \
                  repoctl pin --suite stable hello=1.1-1 --for 24h\n\n\
                  PACKAGE is a source package: everything built from it moves together, unless --binary.\n\
                  --rollback goes to the version that was live before; again goes further back."
)]
pub struct PinArgs {
    /// Where.
    #[command(flatten)]
    pub of: SuiteArg,
    /// PACKAGE=VERSION; with --rollback package names
    #[arg(value_name = "PACKAGE[=VERSION]", required_unless_present = "rollback")]
    pub targets: Vec<String>,
    /// Go back to the previous version
    #[arg(long)]
    pub rollback: bool,
    /// Go back with the whole suite
    #[arg(long, requires = "rollback", conflicts_with = "targets")]
    pub all: bool,
    /// Go back to the versions of this generation
    #[arg(long, value_name = "GENERATION", requires = "rollback")]
    pub to: Option<u64>,
    /// PACKAGE is one binary package, not a source package
    #[arg(long)]
    pub binary: bool,
    /// End the pin automatically after this time, such as 24h, 3d or 1w
    #[arg(long = "for", value_name = "TIME", value_parser = parse_hours, conflicts_with = "rollback")]
    pub hours: Option<u32>,
    /// How.
    #[command(flatten)]
    pub how: ChangeArgs,
}

/// How a change is made.
#[derive(Args, Debug)]
pub struct ChangeArgs {
    /// Only show which packages and which hosts it would affect
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Also move dependants and dependencies that have to move along for hosts to follow
    #[arg(long)]
    pub cascade: bool,
    /// Go on even if hosts with packages that depend on it cannot follow, or with an older repoctl
    #[arg(long)]
    pub force: bool,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: YesArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// Which pins to end.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl unpin --suite stable hello -m 'fixed in 1.3'")]
pub struct UnpinArgs {
    /// Where.
    #[command(flatten)]
    pub of: SuiteArg,
    /// Packages whose pins to end
    #[arg(value_name = "PACKAGE", required_unless_present = "all", conflicts_with = "all")]
    pub packages: Vec<PackageName>,
    /// Every pin of the suite
    #[arg(long)]
    pub all: bool,
    /// PACKAGE is one binary package, not a source package
    #[arg(long)]
    pub binary: bool,
    /// How.
    #[command(flatten)]
    pub how: ChangeArgs,
}

/// Which pins to list.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl pins --suite stable")]
pub struct PinsArgs {
    /// Only those of this suite
    #[arg(long, short, value_name = "SUITE")]
    pub suite: Option<crate::debian::SuiteName>,
}

/// What to stop offering.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl remove --suite stable hello -m 'replaced by howdy'\n\n\
                  Hosts that installed it keep it: apt does not remove packages by itself."
)]
pub struct RemoveArgs {
    /// Where.
    #[command(flatten)]
    pub of: SuiteArg,
    /// Source packages
    #[arg(value_name = "PACKAGE", required = true)]
    pub packages: Vec<PackageName>,
    /// PACKAGE is one binary package, not a source package
    #[arg(long)]
    pub binary: bool,
    /// How.
    #[command(flatten)]
    pub how: ChangeArgs,
}

/// Which suite offers nothing new.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl hold --suite stable -m 'the database is being moved'\n\n\
                  Uploads are taken and wait (exit code 0; 1 with --require-live). What is listed stays, and so do\n\
                  its signatures. Pins, rollbacks and removals go on. `repoctl release` ends it."
)]
pub struct HoldArgs {
    /// Where.
    #[command(flatten)]
    pub of: SuiteArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// Which suite offers again what comes.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl release --suite stable --dry-run\n  repoctl release --suite stable --yes\n\n\
                  What came while the suite was held goes to its hosts, as if it came now."
)]
pub struct ReleaseArgs {
    /// Where.
    #[command(flatten)]
    pub of: SuiteArg,
    /// How.
    #[command(flatten)]
    pub how: ChangeArgs,
}

/// Reads a length of time in whole hours: `24h`, `3d`, `1w`.
pub fn parse_hours(text: &str) -> Result<u32, String> {
    let rule = || "write 24h, 3d or 1w, at most 52w".to_owned();
    let unit = match text.chars().last() {
        Some('h') => 1,
        Some('d') => 24,
        Some('w') => 168,
        _ => return Err(rule()),
    };
    let number = text.trim_end_matches(['h', 'd', 'w']);
    if number.len().saturating_add(1) != text.len() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(rule());
    }
    let hours = number.parse::<u32>().ok().and_then(|number| number.checked_mul(unit));
    hours.filter(|hours| (1..=52 * 168).contains(hours)).ok_or_else(rule)
}
