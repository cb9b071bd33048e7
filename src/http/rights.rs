//! Rights: groups and grants, listed, edited and explained.

use std::collections::BTreeSet;
use std::str::FromStr;

use axum::extract::State;

use crate::api;
use crate::domain::rights::{Deed, Verdict};
use crate::domain::{
    AccessEdit, AccessGrant, GroupName, Held, Identity, Member, Origin, Right, Role, Subject,
};
use crate::flow::access::grants as flow;
use crate::flow::access::grants::Explained;
use crate::http::admitted::{Caller, parse};
use crate::http::answer::Failure;
use crate::http::extract::{Json, Query};
use crate::http::sent::Sent;
use crate::http::{App, views};

/// `GET /access`.
pub async fn list(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<api::AccessView>, Failure> {
    caller.admit(&app, Right::Administer)?;
    let record = flow::list(&app.repository).await?;
    let given = record.grants.iter().map(|given| api::GivenGrant {
        grant: views::grant(&given.grant),
        own: false,
        by: given.by.to_string(),
        at: Some(given.at.0),
    });
    let own = record.own.iter().map(|own| api::GivenGrant {
        grant: views::grant(&AccessGrant::of(own)),
        own: true,
        by: String::new(),
        at: None,
    });
    let group = |group: &crate::domain::Group| api::AccessGroup {
        name: group.name.to_string(),
        members: group.members.iter().map(ToString::to_string).collect(),
    };
    Ok(Json(api::AccessView {
        groups: record.groups.iter().map(group).collect(),
        grants: given.chain(own).collect(),
        shut_out: record.shut_out.iter().map(ToString::to_string).collect(),
    }))
}

/// `POST /access`: all edits or none; the answer has what they changed.
pub async fn edit(
    State(app): State<App>,
    caller: Caller,
    sent: Sent,
) -> Result<Json<api::AccessChange>, Failure> {
    let (change, _room) = sent.json::<api::AccessChange>(&app, &caller, Right::Administer).await?;
    let admitted = caller.admit(&app, Right::Administer)?;
    let dry_run = change.dry_run;
    // It may name very many, and reading their names keeps others waiting.
    let edit = tokio::task::spawn_blocking(move || edit_of(change)).await;
    let edit =
        edit.map_err(|_| Failure::new(api::Code::Internal, "the reader of names stopped"))?;
    let done = flow::edit(&app.repository, &admitted, edit?, dry_run).await?;
    Ok(Json(change_of(&done, dry_run)))
}

/// `GET /access/explain`: about oneself; an operator of the whole suite may ask about anybody.
pub async fn explain(
    State(app): State<App>,
    caller: Caller,
    Query(mut query): Query<api::ExplainQuery>,
) -> Result<Json<api::Explanation>, Failure> {
    query.suite = caller.suite(&app, query.suite.as_str())?;
    let admitted = caller.admit(&app, Right::Introspect)?;
    let identity: Identity = parse("identity", &query.identity)?;
    let asked = flow::Asked {
        identity,
        suite: query.suite.clone(),
        component: query.component.clone(),
        package: query.package.clone(),
    };
    let explained = flow::explain(&app.repository, &admitted, asked).await?;
    Ok(Json(explanation(&query, &explained)))
}

fn explanation(query: &api::ExplainQuery, explained: &Explained) -> api::Explanation {
    let deeds = explained.verdicts.iter().map(|(deed, verdict)| deed_of(query, *deed, verdict));
    let absent = explained.suite_exists == Some(false);
    let note = format!("there is no suite {}; `repoctl suite list` shows them", query.suite);
    api::Explanation {
        identity: query.identity.clone(),
        suite: query.suite.clone(),
        deeds: deeds.collect(),
        notes: absent.then_some(note).into_iter().collect(),
    }
}

fn deed_of(query: &api::ExplainQuery, deed: Deed, verdict: &Verdict) -> api::ExplainedDeed {
    let (identity, suite) = (&query.identity, &query.suite);
    let missing = match verdict {
        Verdict::Allowed(_) => String::new(),
        Verdict::ShutOut => "was revoked: no grant and no group counts for it".into(),
        Verdict::HoldsNothing => "no grant and no group names it".into(),
        Verdict::OtherSuites => format!("nothing that it holds is for suite {suite}"),
        Verdict::LowerRole(have) => {
            format!("is {} there; it takes {}", have.as_str(), deed.role().as_str())
        }
        Verdict::NotNamed => format!(
            "suite {suite} does not own this name: its operators bring it, and uploaders whose grant names it"
        ),
        Verdict::OtherParts(reach) => format!("is limited to {}", reach.words()),
    };
    let by = match verdict {
        Verdict::Allowed(held) => held.iter().map(held_of).collect(),
        _ => Vec::new(),
    };
    let cure = match verdict {
        Verdict::Allowed(_) => String::new(),
        Verdict::ShutOut if deed == Deed::Read => {
            format!("repoctl host grant {identity} --suite {suite}")
        }
        Verdict::ShutOut => {
            let role = deed.role().as_str();
            format!("repoctl identity grant {identity} --role {role} --suite {suite}")
        }
        _ => cure(query, deed),
    };
    let allowed = matches!(verdict, Verdict::Allowed(_));
    api::ExplainedDeed { deed: deed.as_str().into(), allowed, by, missing, cure }
}

/// The command that would give exactly this right.
fn cure(query: &api::ExplainQuery, deed: Deed) -> String {
    let role = deed.role();
    let (identity, suite) = (&query.identity, &query.suite);
    let mut command = format!("repoctl access grant {} {identity} --suite {suite}", role.as_str());
    if role > Role::Host {
        let component = query.component.iter().map(|name| format!(" --component {name}"));
        let package = query.package.iter().map(|name| format!(" --package {name}"));
        command.extend(component.chain(package));
    }
    command
}

fn held_of(held: &Held) -> api::ExplainedGrant {
    api::ExplainedGrant {
        grant: views::grant(&held.grant),
        own: held.origin == Origin::Own,
        member: match &held.origin {
            Origin::Member { member, .. } => Some(member.to_string()),
            Origin::Own | Origin::Named => None,
        },
    }
}

/// A grant from the wire that is to be given.
fn valid_grant_of(grant: api::AccessGrant) -> Result<AccessGrant, Failure> {
    let grant = grant_of(grant)?;
    grant.verify().map_err(|error| {
        // One of many is named, so that it is found in a file.
        let (role, to) = (grant.role.as_str(), &grant.to);
        Failure::invalid(error.field, format!("{} (the grant of {role} to {to})", error.problem))
    })?;
    Ok(grant)
}

/// A grant from the wire.
fn grant_of(grant: api::AccessGrant) -> Result<AccessGrant, Failure> {
    Ok(AccessGrant {
        to: parse::<Subject>("to", &grant.to)?,
        role: views::role_of(grant.role),
        suites: parse_all("suites", grant.suites)?.into_iter().collect(),
        components: grant.components.into_iter().collect(),
        packages: parse_all("packages", grant.packages)?.into_iter().collect(),
    })
}

fn parse_all<T>(field: &str, texts: impl IntoIterator<Item = String>) -> Result<Vec<T>, Failure>
where
    T: FromStr,
    T::Err: ToString,
{
    texts.into_iter().map(|text| parse(field, &text)).collect()
}

fn pairs_of(groups: Vec<api::AccessGroup>) -> Result<BTreeSet<(GroupName, Member)>, Failure> {
    let mut pairs = BTreeSet::new();
    for group in groups {
        let name: GroupName = parse("group", &group.name)?;
        let members: Vec<Member> = parse_all("members", group.members)?;
        pairs.extend(members.into_iter().map(|member| (name.clone(), member)));
    }
    Ok(pairs)
}

fn edit_of(change: api::AccessChange) -> Result<AccessEdit, Failure> {
    Ok(AccessEdit {
        end_groups: parse_all("end_groups", change.end_groups)?.into_iter().collect(),
        make_groups: parse_all("make_groups", change.make_groups)?.into_iter().collect(),
        leave: pairs_of(change.leave)?,
        join: pairs_of(change.join)?,
        revoke: change.revoke.into_iter().map(grant_of).collect::<Result<_, _>>()?,
        give: change.give.into_iter().map(valid_grant_of).collect::<Result<_, _>>()?,
    })
}

fn change_of(edit: &AccessEdit, dry_run: bool) -> api::AccessChange {
    let groups = |pairs: &BTreeSet<(GroupName, Member)>| {
        let mut groups: Vec<api::AccessGroup> = Vec::new();
        for (name, member) in pairs {
            match groups.last_mut().filter(|group| group.name == name.as_str()) {
                Some(group) => group.members.push(member.to_string()),
                None => groups.push(api::AccessGroup {
                    name: name.to_string(),
                    members: vec![member.to_string()],
                }),
            }
        }
        groups
    };
    let names = |names: &BTreeSet<GroupName>| names.iter().map(ToString::to_string).collect();
    api::AccessChange {
        dry_run,
        end_groups: names(&edit.end_groups),
        make_groups: names(&edit.make_groups),
        leave: groups(&edit.leave),
        join: groups(&edit.join),
        revoke: edit.revoke.iter().map(views::grant).collect(),
        give: edit.give.iter().map(views::grant).collect(),
    }
}
