//! `repoctl access …`.

use serde::Serialize;

use super::Session;
use crate::api::{AccessChange, AccessGrant, AccessGroup, ExplainQuery};
use crate::cli::absent::Known;
use crate::cli::args::{
    AccessCommand, AccessGrantArgs, AccessRevokeArgs, ExplainArgs, GroupCommand, GroupMembers,
    GroupRemove,
};
use crate::cli::consent::Question;
use crate::cli::failure::Failure;
use crate::cli::text::{count, escape};
use crate::cli::{apply, render};

/// Lists, grants, revokes and explains rights.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn access(session: &mut Session<'_>, command: &AccessCommand) -> Result<(), Failure> {
    match command {
        AccessCommand::List(args) => {
            let view = session.client.list_access().await?;
            session.show(&view, |sheet| render::rights::list(&view, args.all, sheet));
            Ok(())
        }
        AccessCommand::Grant(args) => grant(session, args).await,
        AccessCommand::Revoke(args) => revoke(session, args).await,
        AccessCommand::Group(command) => group(session, command).await,
        AccessCommand::Explain(args) => explain(session, args).await,
        AccessCommand::Export => apply::export(session).await,
    }
}

async fn grant(session: &mut Session<'_>, args: &AccessGrantArgs) -> Result<(), Failure> {
    let mut suites = args.suite.clone();
    if suites.is_empty() {
        suites.push(match args.role {
            crate::api::Role::Admin => "*".into(),
            _ => session.suite(None)?.to_string(),
        });
    }
    let grant = AccessGrant {
        to: args.to.clone(),
        role: args.role,
        suites,
        components: args.limits.component.clone(),
        packages: args.limits.package.clone(),
    };
    alter(session, AccessChange { give: vec![grant], ..AccessChange::default() }).await
}

async fn revoke(session: &mut Session<'_>, args: &AccessRevokeArgs) -> Result<(), Failure> {
    let view = session.client.list_access().await?;
    let same = |own: &[String], named: &[String]| {
        let sorted = |texts: &[String]| {
            let mut texts = texts.to_vec();
            texts.sort();
            texts
        };
        named.is_empty() || sorted(own) == sorted(named)
    };
    let components: Vec<_> = args.component.iter().map(ToString::to_string).collect();
    let meant = |grant: &AccessGrant| {
        let own: Vec<_> = grant.components.iter().map(ToString::to_string).collect();
        grant.to == args.to
            && grant.role == args.role
            && same(&grant.suites, &args.suite)
            && same(&own, &components)
            && same(&grant.packages, &args.package)
    };
    let given = view.grants.iter().filter(|given| !given.own).map(|given| &given.grant);
    let revoke: Vec<_> = given.filter(|grant| meant(grant)).cloned().collect();
    if revoke.is_empty() {
        let holds = view.grants.iter().filter(|given| given.grant.to == args.to);
        let reasons = holds.map(|given| match given.own {
            true => format!(
                "{} came with its certificate: repoctl host revoke or repoctl identity revoke",
                render::rights::grant(&given.grant)
            ),
            false => render::rights::grant(&given.grant),
        });
        let reasons: Vec<_> = reasons.collect();
        let others = if reasons.is_empty() { "" } else { "; there are:" };
        let (role, to) = (args.role.as_str(), &args.to);
        let failure = Failure::refused(format!("there is no such grant of {role} to {to}{others}"))
            .with_reasons(reasons);
        return Err(failure.with_hint("repoctl access list --all shows every grant"));
    }
    let several = revoke.len() > 1;
    let change = AccessChange { revoke, ..AccessChange::default() };
    let mut question = Question::default();
    if several {
        let (number, to) = (change.revoke.len(), &args.to);
        question.shown = lines(&change);
        question.because = vec![format!("{number} grants to {to} are such, and all of them go")];
    }
    session.settle(&question)?;
    alter(session, change).await
}

async fn group(session: &mut Session<'_>, command: &GroupCommand) -> Result<(), Failure> {
    match command {
        GroupCommand::Add(GroupMembers { group, members, .. }) => {
            let mut change =
                AccessChange { make_groups: vec![group.clone()], ..AccessChange::default() };
            if !members.is_empty() {
                let (name, members) = (group.clone(), members.clone());
                change.join.push(AccessGroup { name, members });
            }
            alter(session, change).await
        }
        GroupCommand::Remove(args) => remove(session, args).await,
        GroupCommand::List => {
            let groups = session.client.list_access().await?.groups;
            session.show(&groups, |sheet| render::rights::groups(&groups, sheet));
            session.say_if_empty(&groups, "no groups yet: repoctl access group add GROUP MEMBER");
            Ok(())
        }
        GroupCommand::Show { group } => {
            let view = session.client.list_access().await?;
            let found = view.groups.iter().find(|one| one.name == *group);
            let found = found.ok_or_else(|| no_group(group))?;
            let grants: Vec<_> = view.grants.iter().map(|given| &given.grant).collect();
            let to = format!("@{group}");
            let grants: Vec<_> = grants.into_iter().filter(|grant| grant.to == to).collect();
            let value = serde_json::json!({ "group": found, "grants": grants });
            session.show(&value, |_| render::rights::group(found, &grants));
            Ok(())
        }
    }
}

async fn remove(session: &mut Session<'_>, args: &GroupRemove) -> Result<(), Failure> {
    if args.all && !session.may_ask() {
        session.settle(&Question::because(format!("group {} ends", args.group)))?;
    }
    let groups = session.client.list_access().await?.groups;
    let known = groups.iter().find(|one| one.name == args.group);
    let known = known.ok_or_else(|| no_group(&args.group))?;
    if args.all {
        let end_groups = vec![args.group.clone()];
        let change = AccessChange { end_groups, ..AccessChange::default() };
        let (group, members) = (&args.group, count(known.members.len(), "member"));
        let why = format!("group {group} ends with its {members}, and with what it was given");
        session.settle(&Question { shown: lines(&change), because: vec![why] })?;
        return alter(session, change).await;
    }
    if let Some(absent) = args.members.iter().find(|member| !known.members.contains(member)) {
        let text = format!("{absent} is no member of {} by itself; its members are:", args.group);
        return Err(Failure::refused(text).with_reasons(known.members.clone()));
    }
    let leave = vec![AccessGroup { name: args.group.clone(), members: args.members.clone() }];
    alter(session, AccessChange { leave, ..AccessChange::default() }).await
}

fn no_group(name: &str) -> Failure {
    Failure::refused(format!("there is no group {name}"))
        .with_hint("repoctl access group list shows them")
}

fn lines(change: &AccessChange) -> String {
    render::rights::lines(change).join("\n") + "\n"
}

/// The answer of an edit, with what to know of it.
#[derive(Serialize)]
struct Altered<'d> {
    #[serde(flatten)]
    done: &'d AccessChange,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

async fn alter(session: &mut Session<'_>, change: AccessChange) -> Result<(), Failure> {
    let done = session.client.edit_access(&change).await?;
    let notes = match change.give.is_empty() {
        true => Vec::new(),
        false => {
            let known = Known::of(&session.client.list_suites().await?);
            change.give.iter().flat_map(|grant| known.faults(grant)).collect()
        }
    };
    let told = Altered { done: &done, notes };
    session.show(&told, |_| {
        let what = if done.is_empty() { "already so\n".into() } else { lines(&done) };
        what + &told
            .notes
            .iter()
            .map(|note| format!("note: {}\n", escape(note)))
            .collect::<String>()
    });
    Ok(())
}

async fn explain(session: &mut Session<'_>, args: &ExplainArgs) -> Result<(), Failure> {
    let query = ExplainQuery {
        identity: args.identity.clone(),
        suite: args.suite.clone(),
        component: args.component.clone(),
        package: args.package.clone(),
    };
    let explanation = session.client.explain_access(&query).await?;
    session.show(&explanation, |_| render::rights::explanation(&explanation));
    Ok(())
}
