//! `repoctl rollout …`, and rings.

use clap::{Args, Subcommand};

use super::{ChangeArgs, MessageArg, SuiteArg};
use crate::api::{Freeze, Ring, RolloutPolicy, WhichRollout};

/// What can be done with rollouts.
#[derive(Subcommand, Debug)]
pub enum RolloutCommand {
    /// Show which changes are on their way through the rings, how far they are, and why they wait
    Status(RolloutStatus),
    /// Begin a change that waits to be started, with the first ring
    Start(RolloutStart),
    /// Bring a change to the next ring
    Advance(RolloutAdvance),
    /// Have a change stay in the rings that it has reached
    #[command(
        after_help = "EXAMPLE:\n  repoctl rollout pause --suite stable hello -m 'the canary is slow'"
    )]
    Pause(RolloutHalt),
    /// Have a paused change go on
    #[command(
        after_help = "EXAMPLE:\n  repoctl rollout resume --suite stable hello -m 'it was the disk'"
    )]
    Resume(RolloutHalt),
    /// Take a change back from every ring
    Abort(RolloutAbort),
}

/// Which rollouts to show.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl rollout status --suite stable")]
pub struct RolloutStatus {
    /// Where.
    #[command(flatten)]
    pub of: SuiteArg,
    /// Also those that ended, newest first
    #[arg(long, short)]
    pub all: bool,
}

/// Which rollout.
#[derive(Args, Debug, Clone, Default)]
pub struct WhichArg {
    /// A source package that it brings, or its number; where only one is under way, neither
    #[arg(value_name = "PACKAGE|NUMBER")]
    pub which: Option<String>,
}

impl WhichArg {
    /// The same, as it is sent.
    ///
    /// # Errors
    /// The text of what is no package.
    pub fn parsed(&self) -> Result<WhichRollout, String> {
        let Some(text) = &self.which else { return Ok(WhichRollout::default()) };
        if let Ok(number) = text.parse() {
            return Ok(WhichRollout { rollout: Some(number), package: None });
        }
        let package = text.parse().map_err(|error| format!("{error}"))?;
        Ok(WhichRollout { rollout: None, package: Some(package) })
    }
}

/// Which rollout to start, and how far.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl rollout start --suite stable hello\n  \
                  repoctl rollout start --suite stable hello --override-freeze weekend -m 'shops are down'")]
pub struct RolloutStart {
    /// Where.
    #[command(flatten)]
    pub of: SuiteArg,
    /// Which.
    #[command(flatten)]
    pub which: WhichArg,
    /// To all rings up to this one; 'everyone' is the last [default: the first ring]
    #[arg(long, value_name = "RING")]
    pub to: Option<String>,
    /// Go on in spite of the freeze of this name
    #[arg(long, value_name = "NAME")]
    pub override_freeze: Option<String>,
    /// How.
    #[command(flatten)]
    pub how: ChangeArgs,
}

/// Which rollout to advance, and how far.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl rollout advance --suite stable hello\n  \
                  repoctl rollout advance --suite stable --to everyone -m 'a day without a fault'")]
pub struct RolloutAdvance {
    /// Where.
    #[command(flatten)]
    pub of: SuiteArg,
    /// Which.
    #[command(flatten)]
    pub which: WhichArg,
    /// To all rings up to this one; 'everyone' is the last [default: the next ring]
    #[arg(long, value_name = "RING")]
    pub to: Option<String>,
    /// Go on in spite of the freeze of this name
    #[arg(long, value_name = "NAME")]
    pub override_freeze: Option<String>,
    /// How.
    #[command(flatten)]
    pub how: ChangeArgs,
}

/// Which rollout to halt, or to let go on.
#[derive(Args, Debug)]
pub struct RolloutHalt {
    /// Where.
    #[command(flatten)]
    pub of: SuiteArg,
    /// Which.
    #[command(flatten)]
    pub which: WhichArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// Which rollout to take back.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl rollout abort --suite stable hello -m 'crashes at start'\n\n\
                  Every ring is offered what it had before. The versions do not come back by themselves."
)]
pub struct RolloutAbort {
    /// Where.
    #[command(flatten)]
    pub of: SuiteArg,
    /// Which.
    #[command(flatten)]
    pub which: WhichArg,
    /// How.
    #[command(flatten)]
    pub how: ChangeArgs,
}

/// Reads a policy: `advance=reports,soak=30m`.
pub fn parse_policy(text: &str) -> Result<RolloutPolicy, String> {
    let mut settings = serde_json::Map::new();
    for pair in text.split(',').map(str::trim) {
        let (name, value) =
            pair.split_once('=').ok_or(format!("{pair:?}: write SETTING=VALUE,SETTING=VALUE"))?;
        let number = value.strip_suffix('%').unwrap_or(value).parse::<u32>();
        let value = number.map_or_else(|_| value.into(), serde_json::Value::from);
        if settings.insert(name.to_owned(), value).is_some() {
            return Err(format!("{name} is there twice"));
        }
    }
    serde_json::from_value(settings.into()).map_err(|problem| problem.to_string())
}

/// Reads a freeze: `weekend=Fri 16:00..Mon 08:00 Europe/Berlin`.
pub fn parse_freeze(text: &str) -> Result<Freeze, String> {
    let (name, when) = text.split_once('=').ok_or(
        "write NAME='Fri 16:00..Mon 08:00 Europe/Berlin', or dates: NAME='2026-12-19 00:00..2027-01-04 08:00 UTC'",
    )?;
    let when = when.parse().map_err(|problem| format!("{problem}"))?;
    Ok(Freeze { name: name.to_owned(), when })
}

/// Reads a ring: `canary=web-01.example.org,@early,10%`.
pub fn parse_ring(text: &str) -> Result<Ring, String> {
    let (name, hosts) = text.split_once('=').ok_or(
        "write NAME=HOST,HOST, where a HOST is a name, a pattern, @GROUP or a share such as 10%",
    )?;
    let hosts = hosts.split(',').map(str::trim).filter(|host| !host.is_empty());
    Ok(Ring { name: name.to_owned(), hosts: hosts.map(str::to_owned).collect() })
}
