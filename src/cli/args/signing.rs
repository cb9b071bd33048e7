//! `repoctl key …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{MessageArg, SuiteArg, YesArg};
use crate::debian::SuiteName;

/// What can be done with signing keys.
#[derive(Subcommand, Debug)]
pub enum KeyCommand {
    /// List the keys that sign
    #[command(after_help = "EXAMPLE:\n  repoctl key list")]
    List,
    /// Show which hosts have which key, and which are behind
    #[command(after_help = "EXAMPLE:\n  repoctl key status")]
    Status,
    /// Make another key on the server: it signs beside the old one until that is retired
    Rotate(KeyRotate),
    /// Add a key that is not on the server, by its public part: signing.command signs with it
    Add(KeyAdd),
    /// Stop signing with a key
    Retire(KeyRetire),
    /// Publish the package that brings keys and settings to the hosts of a suite
    Publish(KeyPublish),
}

/// A new key.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl key rotate -m 'yearly'\n\n\
                  Then let the hosts upgrade, look at `repoctl key status`, and retire the old key.")]
pub struct KeyRotate {
    /// The kind of key
    #[arg(long, value_enum, default_value_t = KeyWord::Ed25519)]
    pub kind: KeyWord,
    /// Only for these suites, with commas between or given several times [default: every suite]
    #[arg(long, short, value_name = "SUITE", value_delimiter = ',')]
    pub suite: Vec<SuiteName>,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// A key that is elsewhere.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl key add archive.asc\n\nWhere archive.asc is what `gpg --armor --export` wrote."
)]
pub struct KeyAdd {
    /// The public key, armored
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Only for these suites, with commas between or given several times [default: every suite]
    #[arg(long, short, value_name = "SUITE", value_delimiter = ',')]
    pub suite: Vec<SuiteName>,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// The key to retire.
#[derive(Args, Debug)]
#[command(
    after_help = "EXAMPLE:\n  repoctl key retire 0123456789ABCDEF0123456789ABCDEF01234567 -m 'yearly'"
)]
pub struct KeyRetire {
    /// Its fingerprint, as `repoctl key list` shows it
    #[arg(value_name = "FINGERPRINT", value_parser = parse_fingerprint)]
    pub fingerprint: String,
    /// Even if hosts are not known to have another key: their apt then refuses the suite
    #[arg(long)]
    pub force: bool,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: YesArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// Which package to publish.
#[derive(Args, Debug)]
#[command(after_help = "EXAMPLE:\n  repoctl key publish --suite stable -m 'hosts may install it'")]
pub struct KeyPublish {
    /// Of which suite.
    #[command(flatten)]
    pub of: SuiteArg,
    /// Why.
    #[command(flatten)]
    pub why: MessageArg,
}

/// Kinds of keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum KeyWord {
    /// The usual one
    Ed25519,
    /// For verifiers that are older than Ed25519
    Rsa4096,
}

fn parse_fingerprint(text: &str) -> Result<String, String> {
    let plain: String = text.chars().filter(|c| *c != ' ').collect();
    match plain.len() == 40 && plain.bytes().all(|b| b.is_ascii_hexdigit()) {
        true => Ok(plain.to_ascii_uppercase()),
        false => {
            Err("a fingerprint has 40 hexadecimal digits; `repoctl key list` shows them".into())
        }
    }
}
