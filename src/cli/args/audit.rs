//! `repoctl audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::debian::{PackageName, SuiteName};
use crate::time::Moment;

/// The audit log, or what is done with it.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "EXAMPLE:\n  repoctl audit --suite stable --since 2d\n  \
                  repoctl audit --refused\n  repoctl audit --package acme-web\n  \
                  repoctl audit --all --json > audit.jsonl\n\n\
                  The newest come first; with --all the oldest. --json prints one object a line."
)]
pub struct AuditArgs {
    /// What else to do.
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
    /// Not before this time: 2026-11-24, 2026-11-24T10:00:00Z, or an age such as 36h, 7d, 4w
    #[arg(long, value_name = "TIME", value_parser = parse_when)]
    pub since: Option<When>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = parse_when)]
    pub until: Option<When>,
    /// Only what this identity did or was refused
    #[arg(long, value_name = "NAME")]
    pub identity: Option<String>,
    /// Only what concerns this suite
    #[arg(long, short, value_name = "SUITE")]
    pub suite: Option<SuiteName>,
    /// Only what concerns this package, or those that were built from the source of this name
    #[arg(long, short, value_name = "PACKAGE")]
    pub package: Option<PackageName>,
    /// Only this verb, such as pin, add or certificate-issue
    #[arg(long, value_name = "VERB")]
    pub verb: Option<String>,
    /// Only what was refused
    #[arg(long)]
    pub refused: bool,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub limit: u32,
    /// All of them, the oldest first
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
}

/// What can be done with the audit log.
#[derive(Subcommand, Debug)]
pub enum AuditCommand {
    /// Verify the chain of the whole log here, and have the server do the same
    Verify(AuditVerify),
    /// Have the whole log signed, and print the signed statement, to be kept elsewhere
    #[command(after_help = "EXAMPLE:\n  repoctl audit checkpoint > audit-checkpoint.asc")]
    Checkpoint,
}

/// What to check the log against.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl audit verify --checkpoint audit-checkpoint.asc --archive-key archive-key.asc\n\n\
                  With FILE no server is asked. Exit code 1 when anything is not as it was written."
)]
pub struct AuditVerify {
    /// An export of the whole log (`repoctl audit --all --json`) in place of the server's
    #[arg(value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// A checkpoint that was kept: no entry up to it can have been rewritten; may be given several
    /// times
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Vec<PathBuf>,
    /// The public keys of the repository: checkpoints must be signed by one of them
    #[arg(long, value_name = "FILE")]
    pub archive_key: Option<PathBuf>,
}

/// A time, or how long ago it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// This time.
    At(Moment),
    /// This many seconds ago.
    Ago(i64),
}

impl When {
    /// As a moment, seen from `now`.
    pub fn from(self, now: Moment) -> Moment {
        match self {
            Self::At(at) => at,
            Self::Ago(seconds) => now.plus(seconds.saturating_neg()),
        }
    }
}

/// Reads a time or an age.
pub fn parse_when(text: &str) -> Result<When, String> {
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let whole = match digits.len() {
        8 => format!("{digits}T000000Z"),
        _ => digits.replace(' ', "T"),
    };
    if let Some(at) = Moment::parse_stamp(&whole) {
        return Ok(When::At(at));
    }
    let unit = match text.chars().last() {
        Some('h') => 3_600,
        Some('d') => 86_400,
        Some('w') => 604_800,
        _ => 0,
    };
    let number = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
    let number = Some(number).filter(|number| number.bytes().all(|b| b.is_ascii_digit()));
    let seconds = number.and_then(|number| number.parse::<i64>().ok()?.checked_mul(unit));
    seconds.filter(|seconds| *seconds > 0).map(When::Ago).ok_or_else(|| {
        "write 2026-11-24, 2026-11-24T10:00:00Z, or an age such as 36h, 7d or 4w".to_owned()
    })
}
