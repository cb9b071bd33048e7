//! `repoctl host token`, `host enroll`, `host renew` and `host refresh`.

use std::path::PathBuf;

use clap::Args;

use super::names::parse_name;
use super::{MessageArg, YesArg};
use crate::debian::SuiteName;

/// A token for a host.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl host token web-01.example.org --suite stable -m 'new rack'\n  \
                  repoctl host token web-02.example.org -m 'it is in group web'\n  \
                  repoctl host token --list\n  \
                  repoctl host token web-01.example.org --revoke\n\n\
                  Only the token is printed on standard output. On the new machine, as root:\n  \
                  repoctl host enroll TOKEN\n\
                  A token works once. A new one for the same host takes the place of the last."
)]
pub struct HostToken {
    /// The host, as it is called: lower-case letters, digits, '-' and '.'
    #[arg(value_name = "NAME", value_parser = parse_name, required_unless_present = "list")]
    pub name: Option<String>,
    /// Suites that it may read, with commas between or given several times [env: REPOCTL_SUITE] [default: those
    /// that its groups and grants give it when the token is used]
    #[arg(long, short, value_name = "SUITE", value_delimiter = ',')]
    pub suite: Vec<SuiteName>,
    /// How long the token can be used; 720 at most
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    pub hours: u32,
    /// How long the certificate is valid [default: the server's setting]
    #[arg(long, value_name = "DAYS")]
    pub days: Option<u32>,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: YesArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
    /// List the tokens and their state
    #[arg(long, conflicts_with_all = ["name", "suite", "revoke"])]
    pub list: bool,
    /// Revoke the pending token of the host
    #[arg(long, conflicts_with = "suite")]
    pub revoke: bool,
}

/// How often a host upgrades by itself.
#[derive(Args, Debug, Clone, Copy)]
pub struct UpgradeArg {
    /// Have systemd run repod-upgrade there so often, such as 15m, 2h or 1d; from 1m to 1w
    #[arg(long, value_name = "TIME", value_parser = parse_minutes)]
    pub upgrade_every: Option<u32>,
}

/// Reads a length of time in whole minutes: `15m`, `2h`, `1d`, `1w`.
pub fn parse_minutes(text: &str) -> Result<u32, String> {
    let rule = || "write 15m, 2h, 1d or 1w: from 1m to 1w".to_owned();
    let unit = match text.chars().last() {
        Some('m') => 1,
        Some('h') => 60,
        Some('d') => 24 * 60,
        Some('w') => 7 * 24 * 60,
        _ => return Err(rule()),
    };
    let number = text.trim_end_matches(['m', 'h', 'd', 'w']);
    if number.len().saturating_add(1) != text.len() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(rule());
    }
    let minutes = number.parse::<u32>().ok().and_then(|number| number.checked_mul(unit));
    minutes.filter(|minutes| (1..=7 * 24 * 60).contains(minutes)).ok_or_else(rule)
}

/// The token, and where to use it.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl host enroll repod1:aHR0cHM6Ly9yZXBv…\n  \
                  repoctl host enroll --root /mnt/image - < token\n\n\
                  The key is made on this machine and never sent to the server. When it was \
                  interrupted, the same command again goes on where it was.")]
pub struct HostEnroll {
    /// The token, or - to read it from standard input
    #[arg(value_name = "TOKEN")]
    pub token: String,
    /// The root directory of the machine
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// How often it upgrades.
    #[command(flatten)]
    pub upgrade: UpgradeArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// Which certificates to renew.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl host renew\n\n\
                  repod-renew.timer runs it once a day. It does nothing until less than a third of \
                  the certificate's life is left.")]
pub struct HostRenew {
    /// The root directory of the machine
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// Renew it now, however much of its life is left
    #[arg(long)]
    pub force: bool,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// What to bring to this host.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl host refresh --dry-run\n\n\
                  repod-renew.timer runs it once a day, behind repoctl host renew. It writes what this \
                  host lacks: the files of suites that were given to it, newer settings, newer \
                  scripts. What was changed or removed on the host stays so, and is named. New \
                  signing keys of a suite that it has come with the client package alone.")]
pub struct HostRefresh {
    /// The root directory of the machine
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// Say what would be written, and write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Write also what was changed or removed on this host
    #[arg(long)]
    pub force: bool,
}
