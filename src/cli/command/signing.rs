//! `repoctl key …`.

use std::path::Path;

use super::Session;
use crate::api::{KeyChoice, KeyRequest, KeyRetirement, SuiteChoice};
use crate::cli::args::{KeyCommand, KeyWord};
use crate::cli::consent::Question;
use crate::cli::failure::{Failure, unreadable};
use crate::cli::render;
use crate::debian::SuiteName;

/// The most that is read of a file: a public key is a few kilobytes. Unit: bytes.
const MOST_BYTES: u64 = 1 << 20;

/// Shows, adds, retires and publishes signing keys.
///
/// # Errors
/// A [`Failure`] from the server, the network or the disk.
pub async fn key(session: &mut Session<'_>, command: &KeyCommand) -> Result<(), Failure> {
    let now = session.now();
    match command {
        KeyCommand::List => {
            let keys = session.client.list_keys().await?;
            session.show(&keys, |sheet| render::signing::list(&keys, sheet));
            return Ok(());
        }
        KeyCommand::Status => {
            let keys = session.client.list_keys().await?;
            session.show(&keys, |_| render::signing::status(&keys, now));
            return Ok(());
        }
        KeyCommand::Publish(args) => {
            let suite = session.suite(args.of.suite.as_ref())?;
            let package = session.client.publish_client(&suite).await?;
            session.show(&package, |_| render::signing::package(&package));
            return Ok(());
        }
        _ => {}
    }
    let (outcome, verb) = match command {
        KeyCommand::Rotate(args) => {
            let kind = match args.kind {
                KeyWord::Ed25519 => KeyChoice::Ed25519,
                KeyWord::Rsa4096 => KeyChoice::Rsa4096,
            };
            let request = KeyRequest { kind, public: None, suites: choice(&args.suite) };
            (session.client.add_key(&request).await?, "signs from now on")
        }
        KeyCommand::Add(args) => {
            let public = Some(read(&args.file)?);
            let suites = choice(&args.suite);
            let request = KeyRequest { kind: KeyChoice::default(), public, suites };
            (session.client.add_key(&request).await?, "signs from now on")
        }
        KeyCommand::Retire(args) => {
            settle_retirement(session, &args.fingerprint).await?;
            let request = KeyRetirement { force: args.force };
            (session.client.retire_key(&args.fingerprint, &request).await?, "signs no more")
        }
        KeyCommand::List | KeyCommand::Status | KeyCommand::Publish(_) => return Ok(()),
    };
    session.show(&outcome, |_| render::signing::outcome(&outcome, verb));
    Ok(())
}

/// Asks before a key is retired, and shows the hosts with and without another key.
async fn settle_retirement(session: &mut Session<'_>, fingerprint: &str) -> Result<(), Failure> {
    let why = format!("{fingerprint} never signs again; hosts without another key stop");
    let mut question = Question::because(why);
    if session.may_ask() && !session.said_yes() {
        let keys = session.client.list_keys().await?;
        question.shown = render::signing::status(&keys, session.now());
    }
    session.settle(&question).map(drop)
}

fn choice(named: &[SuiteName]) -> SuiteChoice {
    match named.is_empty() {
        true => SuiteChoice::All,
        false => SuiteChoice::Named(named.to_vec()),
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let refused = |why: String| Failure::refused(format!("{}: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    if size > MOST_BYTES {
        return Err(refused("is too large for a public key".into()));
    }
    let text = std::fs::read_to_string(path).map_err(|_| {
        refused("is not armored text; export it with `gpg --armor --export`".into())
    })?;
    match text.contains("PRIVATE KEY") {
        true => Err(refused(
            "holds a private key, which is never sent; export the public one, or run \
             `repod key import` on the server"
                .into(),
        )),
        false => Ok(text),
    }
}
