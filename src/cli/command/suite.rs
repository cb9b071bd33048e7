//! `repoctl suite …`, `history`, `diff`, `status` and `whoami`.

use super::{Session, alias};
use crate::api::{
    DiffQuery, GenerationsQuery, KeepRules, Ring, RolloutPolicy, SuiteDefinition, SuiteEdit,
};
use crate::cli::args::{DiffArgs, HistoryArgs, SuiteCommand, SuiteCreate, SuiteEditArgs};
use crate::cli::consent::{Question, Settled, names};
use crate::cli::failure::Failure;
use crate::cli::render;
use crate::debian::SuiteName;
use crate::time::Moment;

/// Makes, shows, edits and removes suites.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn suite(session: &mut Session<'_>, command: &SuiteCommand) -> Result<(), Failure> {
    let now = session.now();
    match command {
        SuiteCommand::Create(args) => create(session, args).await,
        SuiteCommand::Edit(args) => edit(session, args).await,
        SuiteCommand::List => {
            let suites = session.client.list_suites().await?;
            session.show(&suites, |sheet| render::suite::list(&suites, sheet));
            session.say_if_empty(&suites, "no suites yet: repoctl suite create NAME");
            Ok(())
        }
        SuiteCommand::Show(which) => {
            let view = session.client.view_suite(&which.name).await?;
            session.show(&view, |_| render::suite::show(&view, now));
            Ok(())
        }
        SuiteCommand::Remove(which) => remove(session, &which.name).await,
        SuiteCommand::Redate(which) => redate(session, &which.name).await,
    }
}

/// Removes a suite as it was shown, and shows it again when it has moved since.
async fn remove(session: &mut Session<'_>, name: &SuiteName) -> Result<(), Failure> {
    let mut question = Question::because(format!("suite {name} and its history end for good"));
    let mut generation = None;
    loop {
        if session.may_ask() && !session.said_yes() {
            let (view, now) = (session.client.view_suite(name).await?, session.now());
            question.shown = render::suite::show(&view, now);
            generation = Some(view.generation);
        }
        let settled = session.settle(&question)?;
        match session.client.remove_suite(name, generation).await {
            Err(error) if settled == Settled::Shown && error.is_moved() => {
                session.say_moved(name.as_str());
            }
            outcome => break outcome?,
        }
    }
    let value = serde_json::json!({ "removed": name });
    session.show(&value, |_| format!("suite {name} is removed\n"));
    Ok(())
}

/// Starts the Dates of a suite anew, after a person saw what the server's clock and this machine's show.
async fn redate(session: &mut Session<'_>, name: &SuiteName) -> Result<(), Failure> {
    let mut question = Question::because(format!(
        "it is right only if the server's clock is: hosts that took the later Date follow {name} again only \
         without their lists (docs/runbook.md)"
    ));
    if session.may_ask() && !session.said_yes() {
        let (status, own) = (session.client.status().await?, session.now());
        let of = status.suites.iter().find(|one| one.suite == *name);
        let date = of.and_then(|one| one.date).map(Moment);
        question.shown = render::suite::redate(name, date, Moment(status.now), own);
    }
    session.settle(&question)?;
    let (view, now) = (session.client.redate_suite(name).await?, session.now());
    session.show(&view, |_| render::suite::show(&view, now));
    Ok(())
}

async fn create(session: &mut Session<'_>, args: &SuiteCreate) -> Result<(), Failure> {
    let now = session.now();
    let definition = SuiteDefinition {
        name: args.name.clone(),
        alias: args.alias.clone(),
        origin: args.origin.clone().unwrap_or_default(),
        label: args.label.clone().unwrap_or_default(),
        description: args.description.clone(),
        components: args.component.clone(),
        owns: args.owns.clone(),
        allows: args.allow.clone(),
        architectures: args.architecture.clone(),
        valid_days: args.valid_days,
        not_automatic: args.not_automatic,
        but_automatic_upgrades: args.but_automatic_upgrades,
        changelogs: args.offer.changelogs.clone(),
        snapshots: args.offer.snapshots(),
        contents: args.offer.contents.unwrap_or(true),
        pdiffs: args.offer.pdiffs.unwrap_or(true),
        translations: args.offer.translations.unwrap_or(false),
        versions: args.offer.versions.unwrap_or_default(),
        rings: args.offer.ring.clone(),
        rollout: args.offer.policy().unwrap_or_default(),
        keep: KeepRules::default().edited(args.offer.keep()),
        namespace: args.namespace.clone(),
        dry_run: false,
    };
    let view = session.client.create_suite(&definition).await?;
    session.show(&view, |_| render::suite::show(&view, now));
    Ok(())
}

async fn edit(session: &mut Session<'_>, args: &SuiteEditArgs) -> Result<(), Failure> {
    let mut edit = SuiteEdit {
        alias: args.alias(),
        alias_from: None,
        description: args.description.clone(),
        valid_days: args.valid_days,
        add_components: args.add_component.clone(),
        owns: if args.owns_any { Some(Vec::new()) } else { args.owns.clone() },
        allows: if args.allow_nothing { Some(Vec::new()) } else { args.allow.clone() },
        add_architectures: args.add_architecture.clone(),
        remove_architectures: args.remove_architecture.clone(),
        with_packages: args.with_packages,
        not_automatic: None,
        but_automatic_upgrades: None,
        namespace: None,
        changelogs: args.offer.changelogs.clone(),
        snapshots: args.offer.snapshots(),
        contents: args.offer.contents,
        pdiffs: args.offer.pdiffs,
        translations: args.offer.translations,
        versions: args.offer.versions,
        rings: rings(args),
        rollout: policy(args),
        keep: args.offer.keep(),
        message: String::new(),
        dry_run: false,
    };
    if edit == SuiteEdit::default() {
        return Err(Failure::usage("nothing to edit was given")
            .with_hint("see repoctl suite edit --help for what can be altered"));
    }
    let mut question = parts_for_good(session, args).await?;
    let of_alias = alias::question(session, &args.name, &mut edit).await?;
    question.shown += &of_alias.shown;
    question.because.extend(of_alias.because);
    session.settle(&question)?;
    let outcome = match session.client.edit_suite(&args.name, &edit).await {
        Err(error) => match alias::of_removed(&args.name, &mut edit, &error) {
            None => return Err(error.into()),
            Some(question) => {
                session.settle(&question)?;
                session.client.edit_suite(&args.name, &edit).await?
            }
        },
        Ok(outcome) => outcome,
    };
    session.show(&outcome, |sheet| render::change::moved(&outcome, sheet));
    Ok(())
}

/// The policy that an edit names: without freezes with `--no-freezes`.
fn policy(args: &SuiteEditArgs) -> Option<RolloutPolicy> {
    match args.no_freezes {
        true => Some(RolloutPolicy {
            freezes: Some(Vec::new()),
            ..args.offer.policy().unwrap_or_default()
        }),
        false => args.offer.policy(),
    }
}

/// The rings that an edit names: none with `--no-rings`, and as they are where it says nothing.
fn rings(args: &SuiteEditArgs) -> Option<Vec<Ring>> {
    let named = args.no_rings || !args.offer.ring.is_empty();
    named.then(|| args.offer.ring.clone())
}

/// What an edit does that another does not undo: a component stays, and packages go with their architecture.
async fn parts_for_good(
    session: &mut Session<'_>,
    args: &SuiteEditArgs,
) -> Result<Question, Failure> {
    let mut question = Question::default();
    let takes = args.with_packages;
    if session.said_yes() || (args.add_component.is_empty() && !takes) {
        return Ok(question);
    }
    let name = &args.name;
    let view = session.client.view_suite(name).await?;
    let components = args.add_component.iter().filter(|one| !view.components.contains(one));
    let components: Vec<_> = components.map(|one| format!("component {one}")).collect();
    if !components.is_empty() {
        let parts = names(&components);
        question.shown = format!("suite {name} gets {parts}\n");
        question.because = vec![format!("no command takes {parts} away again")];
    }
    if takes {
        let parts: Vec<_> =
            args.remove_architecture.iter().map(|one| format!("architecture {one}")).collect();
        let parts = names(&parts);
        question.shown += &format!("suite {name} loses {parts} and every package of it\n");
        question.because.push(format!("no command brings the packages of {parts} back at once"));
    }
    Ok(question)
}

/// Shows the generations of a suite.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn history(session: &mut Session<'_>, args: &HistoryArgs) -> Result<(), Failure> {
    let suite = session.suite(args.of.suite.as_ref())?;
    let query = GenerationsQuery {
        package: args.package.clone(),
        before: args.before,
        limit: Some(args.limit),
    };
    let generations = session.client.list_generations(&suite, &query).await?;
    session.show(&generations, |sheet| render::suite::history(&generations, sheet));
    match &args.package {
        Some(package) if generations.is_empty() => {
            let near = super::package::near(&session.client, package.as_str()).await;
            session.say_if_empty(
                &generations,
                &format!("no generation of {suite} moved {package}{near}"),
            );
        }
        _ => session.say_if_empty(&generations, &format!("{suite} has no such generation")),
    }
    Ok(())
}

/// Shows what differs between two generations.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn diff(session: &mut Session<'_>, args: &DiffArgs) -> Result<(), Failure> {
    let suite = session.suite(args.of.suite.as_ref())?;
    let to = match args.to {
        Some(to) => to,
        None => session.client.view_suite(&suite).await?.generation,
    };
    let diff = session.client.diff(&suite, &DiffQuery { from: args.from, to }).await?;
    session.show(&diff, |sheet| render::suite::diff(&diff, sheet));
    Ok(())
}

/// Shows how the server and its suites are.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn status(session: &mut Session<'_>) -> Result<(), Failure> {
    let status = session.client.status().await?;
    session.show(&status, |sheet| render::status::status(&status, sheet));
    Ok(())
}

/// Shows who the server takes the asker for.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn whoami(session: &mut Session<'_>) -> Result<(), Failure> {
    let who = session.client.whoami().await?;
    let (now, server) = (session.now(), session.client.server().to_owned());
    session.show(&who, |_| render::access::whoami(&who, &server, now));
    Ok(())
}
