//! COMMAND LINE: the argument tree of `repoctl` and everything it prints.
//!
//! Results go to standard output, everything else to standard error. Text from the network is
//! escaped before it reaches a terminal. Of `signing` only the reading of public keys and the check of
//! signatures are used, to verify checkpoints of the audit log without trusting the server; of
//! `domain` only the templates of what a host is given, so that a host makes its files by itself.
//!
//! May name: client, amount, api, debian, digest, domain, nearest, signing, telemetry, time, toml_text
#![expect(
    clippy::disallowed_methods,
    reason = "this room is where the user's files, terminal and environment are met"
)]

mod absent;
mod apply;
mod apt;
mod args;
mod chain;
mod checks;
mod command;
mod complete;
mod config;
mod consent;
mod failure;
mod host_certificates;
mod host_facts;
mod keys;
mod machine;
pub mod man;
mod meter;
mod pager;
mod pem;
mod render;
mod replace;
mod root;
mod sheet;
mod style;
mod table;
mod terminal;
mod text;
mod tree;
mod units;
mod upload;
mod wanted;
mod written;

#[cfg(test)]
mod tests;

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, CommandFactory, FromArgMatches, ValueEnum as _};

use crate::api::Exit;
use crate::client::Client;
use args::{AuditArgs, AuditCommand, AuditVerify, Cli, Command, HealthCommand, HostCommand};
use command::{
    Session, access, audit, crl, enrol, fleet, gc, health, manual, package, pin, promote, refresh,
    report, restored, rights, rollout, signing, suite, yank,
};
use config::Settings;
use failure::Failure;

pub use apply::Manifest;
pub use args::parse_hours;
pub use complete::answer as answer_shell;
pub use meter::Meter;
pub use terminal::Terminal;

/// Runs one command of `repoctl` in this process and returns the exit code.
///
/// Shape: `arguments` begin with the name of the program.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    run_in(arguments, &mut Terminal::of_process()).await
}

/// Runs one command of `repoctl` in the given terminal and returns the exit code.
pub async fn run_in(arguments: impl IntoIterator<Item = OsString>, around: &mut Terminal) -> u8 {
    let mut command = Cli::command();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    around.color = early_color(&arguments);
    if let Some(columns) = around.columns() {
        command = command.term_width(columns);
    }
    let matches = match command.try_get_matches_from_mut(arguments) {
        Ok(matches) => matches,
        Err(error) => return tell(advise(error), around).number(),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return tell(error.format(&mut command), around).number(),
    };
    around.color = cli.global.color;
    around.may_page &= !cli.global.no_pager;
    let outcome = match consent::find_empty(&command, &matches) {
        Some(argument) => Err(Failure::usage(format!("{argument} is empty; nothing was changed"))
            .with_hint("is a variable of a script not set?")),
        None => obey(&cli, around).await,
    };
    match outcome {
        Ok(()) if around.has_lost => Exit::Refused.number(),
        Ok(()) => Exit::Done.number(),
        Err(failure) => {
            match cli.global.json {
                true => around.complain_exactly(&failure.json()),
                false => around.complain(&failure.lines()),
            }
            failure.exit.number()
        }
    }
}

/// What `--color` says on a command line that may be wrong otherwise.
fn early_color(arguments: &[OsString]) -> ColorChoice {
    let words = arguments.iter().filter_map(|word| word.to_str()).take_while(|word| *word != "--");
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--color") {
            Some("") => words.peek().copied(),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        if let Some(color) = value.and_then(|value| ColorChoice::from_str(value, false).ok()) {
            return color;
        }
    }
    ColorChoice::Auto
}

/// Adds what clap cannot know: alternatives to a missing argument, and the command for another
/// program's word.
fn advise(mut error: clap::Error) -> clap::Error {
    let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
    let instead = match error.kind() {
        ErrorKind::MissingRequiredArgument if usage.contains("repoctl pin ") => {
            "<PACKAGE=VERSION> or --rollback"
        }
        ErrorKind::MissingRequiredArgument if usage.contains("repoctl unpin ") => {
            "<PACKAGE> or --all"
        }
        ErrorKind::InvalidSubcommand => {
            let word = error.get(ContextKind::InvalidSubcommand).map(ToString::to_string);
            if word.as_deref() == Some("rollback") {
                let tip = "to roll back: repoctl pin --rollback PACKAGE".into();
                error.remove(ContextKind::SuggestedSubcommand);
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
            }
            return error;
        }
        _ => return error,
    };
    if let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) {
        let missing = missing.iter().map(|one| match one.starts_with("<PACKAGE") {
            true => instead.to_owned(),
            false => one.clone(),
        });
        let missing = ContextValue::Strings(missing.collect());
        error.insert(ContextKind::InvalidArg, missing);
    }
    error
}

/// Prints clap's text: help and version are answers, everything else is a usage error.
fn tell(error: clap::Error, around: &mut Terminal) -> Exit {
    let colours = match error.use_stderr() {
        true => around.may_colour(),
        false => around.sheet().colours,
    };
    let text = match colours {
        true => error.render().ansi().to_string(),
        false => error.render().to_string(),
    };
    if error.use_stderr() {
        around.complain_exactly(&text);
        return Exit::Usage;
    }
    around.print(&text);
    Exit::Done
}

/// What needs nothing of the configured server: this machine's own files, and what it asks with its own certificate.
async fn alone(cli: &Cli, around: &mut Terminal) -> Option<Result<(), Failure>> {
    let json = cli.global.json;
    Some(match &cli.command {
        Command::Completions { shell } => {
            manual::completions(around, complete::script(&shell.to_string()))
        }
        Command::Man { directory } => manual::pages(around, directory),
        Command::Audit(AuditArgs {
            command: Some(AuditCommand::Verify(args @ AuditVerify { export: Some(export), .. })),
            ..
        }) => audit::verify_export(around, args, export, json),
        Command::Host(HostCommand::Enroll(args)) => enrol::enroll(around, json, args).await,
        Command::Host(HostCommand::Renew(args)) => enrol::renew(around, json, args).await,
        Command::Host(HostCommand::Refresh(args)) => refresh::refresh(around, json, args).await,
        Command::Host(HostCommand::Report(args)) => report::report(around, json, args).await,
        Command::Health(HealthCommand::Run(args)) => health::run(around, json, args),
        _ => return None,
    })
}

async fn obey(cli: &Cli, around: &mut Terminal) -> Result<(), Failure> {
    if let Some(done) = alone(cli, around).await {
        return done;
    }
    let settings = Settings::settle(&cli.global, around)?;
    let client = Client::new(&settings.credentials()?)?;
    // Set once, here: every request of the command then carries it.
    let client = match cli.command.why() {
        Some(why) => client.because(&why.message),
        None => client,
    };
    if let Some(warning) = settings.key_warning() {
        around.complain(&warning);
    }
    let (suite, json, consent) = (settings.suite, cli.global.json, cli.command.consent());
    let session = &mut Session { client, suite, json, consent, around };
    match &cli.command {
        Command::Suite(command) => suite::suite(session, command).await,
        Command::Upload(args) => upload::upload(session, args).await,
        Command::List(args) => package::list(session, args).await,
        Command::Search(args) => package::search(session, args).await,
        Command::Show(args) => package::show(session, args).await,
        Command::History(args) => suite::history(session, args).await,
        Command::Diff(args) => suite::diff(session, args).await,
        Command::Pin(args) => pin::pin(session, args).await,
        Command::Unpin(args) => pin::unpin(session, args).await,
        Command::Pins(args) => pin::pins(session, args).await,
        Command::Promote(args) => promote::promote(session, args).await,
        Command::Remove(args) => pin::remove(session, args).await,
        Command::Yank(args) => yank::yank(session, args).await,
        Command::Yanks => yank::yanks(session).await,
        Command::Hold(args) => pin::hold(session, args).await,
        Command::Release(args) => pin::release(session, args).await,
        Command::Rollout(command) => rollout::rollout(session, command).await,
        Command::Host(command) => access::host(session, command).await,
        Command::WhoHas(args) => fleet::who_has(session, args).await,
        Command::Fleet(args) => fleet::fleet(session, args).await,
        Command::Health(command) => health::health(session, command).await,
        Command::Identity(command) => access::identity(session, command).await,
        Command::Crl(command) => crl::crl(session, command).await,
        Command::Audit(args) => audit::audit(session, args).await,
        Command::Gc(args) => gc::gc(session, args).await,
        Command::Restored(args) => restored::restored(session, args).await,
        Command::Key(command) => signing::key(session, command).await,
        Command::Access(command) => rights::access(session, command).await,
        Command::Apply(args) => apply::apply(session, args).await,
        Command::Status => suite::status(session).await,
        Command::Whoami => suite::whoami(session).await,
        Command::Completions { .. } | Command::Man { .. } => Ok(()),
    }
}
