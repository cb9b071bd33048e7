//! `repoctl health`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{MessageArg, parse_hours};

/// What can be done about the health of hosts.
#[derive(Subcommand, Debug)]
pub enum HealthCommand {
    /// Run the checks of this host, and keep what they say for its next report
    Run(HealthRunArgs),
    /// Leave the failed checks of a host out of the count for a time
    Ignore(HealthIgnoreArgs),
    /// Count the failed checks of a host again
    Unignore(HealthUnignoreArgs),
}

/// How the checks are run.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl health run\n\n\
                  It runs the programs in /etc/repod/health.d in the order of their names, as root and with nothing \
                  in their environment. One that ends with 0 has passed; of one that does not, the first line that \
                  it printed is reported. Programs that anybody but root may alter, and names with other signs than \
                  letters, digits, - and _, are named and not run. All of them have five minutes. \
                  repod-health.service runs it three minutes after apt has altered packages, and every hour.")]
pub struct HealthRunArgs {
    /// The root directory of the machine
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// How many seconds each check has
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub timeout: u64,
}

/// Which host is left out.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl health ignore web-01.example.org --for 8h -m 'disk is being replaced'\n\n\
                  Its checks are still run and shown. It ends by itself, or with repoctl health unignore."
)]
pub struct HealthIgnoreArgs {
    /// The host
    #[arg(value_name = "HOST")]
    pub name: String,
    /// For how long, such as 8h, 3d or 1w
    #[arg(long = "for", value_name = "TIME", value_parser = parse_hours, default_value = "24h")]
    pub hours: u32,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// Which host counts again.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl health unignore web-01.example.org")]
pub struct HealthUnignoreArgs {
    /// The host
    #[arg(value_name = "HOST")]
    pub name: String,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}
