//! Entries: what the audit log says of a change, and who may read it.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::catalogue::CertificateRecord;
use crate::debian::{PackageName, SuiteName};
use crate::domain::Applied;
use crate::domain::Change;
use crate::domain::add::Standing;
use crate::domain::audit::{DONE, Entry, Search};
use crate::domain::namespaces;
use crate::domain::promotion;
use crate::domain::rights;
use crate::domain::{
    AccessEdit, AccessGrant, Actor, Admitted, Event, Grant, PinKind, PinTarget, Role, SuiteScope,
    SuiteSpec,
};
use crate::domain::{RolloutChange, RolloutRef, RolloutStep, SuiteEdit};
use crate::flow::audit::about::About;
use crate::flow::audit::refusals;
use crate::flow::audit::words::{EVERY_PIN, WHOLE_SUITE};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::suite::queue::Job;
use crate::flow::threads::blocking;
use crate::time::Moment;

/// How many things of one kind an entry names; of the rest it gives only the number.
const NAMED: usize = 8;
/// How many entries are read at once, before those are left out that the asker may not see.
const PAGE: u32 = 1_000;

/// The verb of a promotion.
const PROMOTE: &str = "promote";

/// Stands before the suite that loses its alias to another.
const TAKEN_FROM: &str = "taken from ";

/// Where in the log to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// After this entry, oldest first.
    After(u64),
    /// Before this entry, newest first; `None` begins at the end of the log.
    Before(Option<u64>),
}

/// Matching entries that the asker may see, at most `limit`; with `package`, those that concern it. Admins see all; others see their own,
/// and those of the suites that they operate. Counted refusals that are due are written first.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn list(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    search: Search,
    package: Option<PackageName>,
    reach: Reach,
    limit: u32,
) -> Result<Vec<Entry>, FlowError> {
    let (shared, asker) = (Arc::clone(repository), admitted.clone());
    // It may read the whole log.
    let turn = match &package {
        Some(_) => Some(repository.report_turn().await?),
        None => None,
    };
    blocking(move || {
        let _turn = turn;
        refusals::flush(&shared, false)?;
        let about = package.map(|name| About::of(&shared, &asker, &name)).transpose()?;
        let seen = |entry| {
            let entry = as_seen_by(&asker, entry)?;
            about.as_ref().is_none_or(|about| about.is_in(&entry)).then_some(entry)
        };
        matching_entries(&shared, &search, seen, reach, limit)
    })
    .await
}

/// Of the entries that are searched for, those that `seen` gives.
fn matching_entries(
    repository: &Repository,
    search: &Search,
    seen: impl Fn(Entry) -> Option<Entry>,
    mut reach: Reach,
    limit: u32,
) -> Result<Vec<Entry>, FlowError> {
    let (wanted, mut found) = (limit as usize, Vec::new());
    loop {
        let page = match reach {
            Reach::After(after) => repository.catalogue.list_entries(search, after, PAGE)?,
            Reach::Before(before) => {
                repository.catalogue.list_last_entries(search, before, PAGE)?
            }
        };
        let Some(last) = page.last().map(|entry| entry.number) else { return Ok(found) };
        let whole = page.len() < PAGE as usize;
        found.extend(page.into_iter().filter_map(&seen));
        if found.len() >= wanted || whole {
            found.truncate(wanted);
            return Ok(found);
        }
        reach = match reach {
            Reach::After(_) => Reach::After(last),
            Reach::Before(_) => Reach::Before(Some(last)),
        };
    }
}

/// The entry, if the asker may see it. What others did in one of its suites is told without suites
/// that it may not read.
fn as_seen_by(asker: &Admitted, mut entry: Entry) -> Option<Entry> {
    let (entitled, event) = (asker.entitled(), &mut entry.event);
    let operates =
        |suite: SuiteName| entitled.role_in(&suite).is_some_and(|has| has >= Role::Operator);
    if entitled.is_admin() || event.actor.identity == asker.identity().as_str() {
        return Some(entry);
    }
    if !event.suite.parse().is_ok_and(operates) {
        return None;
    }
    event.detail = namespaces::without_places(&event.detail);
    if event.verb == PROMOTE {
        let done = event.outcome == DONE;
        event.detail = promotion::detail_for(&event.detail, done, |suite| entitled.reads(suite));
    }
    if let Some((before, from)) = event.detail.split_once(TAKEN_FROM) {
        let (suite, after) = from.split_once(';').unwrap_or((from, ""));
        if !suite.parse().is_ok_and(|suite: SuiteName| entitled.reads(&suite)) {
            let end = if after.is_empty() { "" } else { ";" };
            event.detail = format!("{before}{TAKEN_FROM}another suite{end}{after}");
        }
    }
    Some(entry)
}

/// The event of an applied change; `None` when it needs no entry: all packages were there already,
/// or only the signature or the list of files is new.
pub(crate) fn event(job: &Job, applied: &Applied, suite: &SuiteName, at: Moment) -> Option<Event> {
    let already = |of: &&_| matches!(of, Standing::Already);
    let all_there = applied.added.iter().map(|added| &added.standing).all(|of| already(&of));
    let actor = match &job.change {
        Change::Add(_) | Change::Promote(_) if all_there => return None,
        Change::Renew | Change::Redate | Change::Complete => return None,
        Change::Expire(_) => Actor::server(),
        _ => Actor { serial: job.serial.clone(), ..Actor::named(&job.author) },
    };
    let detail = match &job.change {
        Change::Add(_) => added(applied),
        Change::Promote(of) => {
            let from = promotion::origin(&of.from, of.generation);
            format!("{from}: {}{}", added(applied), applied.remark)
        }
        Change::Expire(target) => format!("{}, pinned by {}", named(target), job.author),
        change => format!("{}{}", detail(change), applied.remark),
    };
    let event = Event::done(actor, verb(&job.change), at).within(suite.as_str());
    Some(event.with(&detail).because(&job.message))
}

/// The event of Dates that start anew.
pub(crate) fn redated(job: &Job, suite: &SuiteName, detail: &str, at: Moment) -> Event {
    let actor = Actor { serial: job.serial.clone(), ..Actor::named(&job.author) };
    let event = Event::done(actor, verb(&job.change), at).within(suite.as_str());
    event.with(detail).because(&job.message)
}

/// The verb of a change in the log.
pub fn verb(change: &Change) -> &'static str {
    match change {
        Change::Edit(_) => "suite-edit",
        Change::Begin => "suite-begin",
        Change::Redate => "suite-redate",
        Change::Expire(_) => "pin-expire",
        Change::Restore(_) => "suite-restore",
        other => other.verb(),
    }
}

/// The parameters of a change, in short.
pub fn detail(change: &Change) -> String {
    match change {
        Change::Add(items) => {
            let items: Vec<_> =
                items.iter().map(|(to, digest)| format!("{digest} in {to}")).collect();
            some_of(&items)
        }
        Change::Promote(of) => {
            let names = of.names();
            let what = if names.is_empty() { "everything".to_owned() } else { some_of(&names) };
            format!("{}: {what}", promotion::origin(&of.from, of.generation))
        }
        Change::Pin(target, version, hours) => {
            let until = hours.map(|hours| format!(" for {hours} h")).unwrap_or_default();
            format!("{}={version}{until}", named(target))
        }
        Change::RollBack(targets, to) => {
            let to = to.map(|to| format!(" to generation {to}")).unwrap_or_default();
            format!("{}{to}", names(targets, WHOLE_SUITE))
        }
        Change::Unpin(targets) => names(targets, EVERY_PIN),
        Change::Remove(targets) => names(targets, ""),
        Change::Edit(edit) => edited(edit),
        Change::Expire(target) => named(target),
        Change::Rollout(change) => rollout(change),
        Change::Yank(target, version) | Change::UndoYank(target, version) => {
            format!("{}={version}", named(target))
        }
        Change::Begin
        | Change::Renew
        | Change::Redate
        | Change::Complete
        | Change::Restore(_)
        | Change::Hold
        | Change::Release => String::new(),
    }
}

fn rollout(change: &RolloutChange) -> String {
    let of = match &change.of {
        RolloutRef::Only => "the only rollout".to_owned(),
        RolloutRef::Number(number) => format!("rollout {number}"),
        RolloutRef::Source(name) => format!("rollout of {name}"),
    };
    match &change.step {
        RolloutStep::Start(way) | RolloutStep::Advance(way) => {
            let to = way.to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
            let freeze = way.override_freeze.as_ref();
            let freeze = freeze.map(|name| format!(", in spite of freeze {name}"));
            format!("{of}{to}{}", freeze.unwrap_or_default())
        }
        _ => of,
    }
}

fn added(applied: &Applied) -> String {
    let new = applied.added.iter().filter(|added| added.standing != Standing::Already);
    let one = |added: &crate::domain::add::Added| {
        let package = &added.package;
        let waits = match added.standing {
            Standing::Waiting => ", waiting",
            Standing::Withdrawn => ", withdrawn",
            Standing::RollingOut => ", rolling out",
            Standing::Published | Standing::Already => "",
        };
        let (name, version, to) = (&package.name, &package.version, &added.component);
        format!("{name} {version} {} in {to}{waits}", package.architecture)
    };
    let count = new.clone().count();
    let mut first: Vec<_> = new.take(NAMED).map(one).collect();
    first.extend((count > NAMED).then(|| format!("and {} more", count.saturating_sub(NAMED))));
    first.join("; ")
}

fn named(target: &PinTarget) -> String {
    match target.kind {
        PinKind::Source => target.name.to_string(),
        PinKind::Binary => format!("binary {}", target.name),
    }
}

fn names(targets: &[PinTarget], none: &str) -> String {
    if targets.is_empty() {
        return none.to_owned();
    }
    some_of(&targets.iter().take(NAMED.saturating_add(1)).map(named).collect::<Vec<_>>())
}

/// The first of some texts, and the number of the others.
pub(crate) fn some_of(texts: &[String]) -> String {
    let shown = texts.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match texts.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A short description of a suite.
pub(crate) fn described(spec: &SuiteSpec) -> String {
    let (components, architectures) = (listed(&spec.components), listed(&spec.architectures));
    let owns = if spec.owns.is_empty() { "any name".into() } else { spec.owns.join(" ") };
    let allows = match spec.allows.is_empty() {
        true => String::new(),
        false => format!("; allows {}", listed(&spec.allows)),
    };
    let versions = match spec.versions.is_one() {
        true => String::new(),
        false => format!("; versions {}", spec.versions),
    };
    let namespace = match spec.namespace.is_default() {
        true => String::new(),
        false => format!("; namespace {}", spec.namespace),
    };
    let alias = spec.alias.as_ref().map(|alias| format!("; alias {alias}")).unwrap_or_default();
    format!(
        "components {components}; architectures {architectures}; owns {owns}{allows}{versions}{namespace}{alias}"
    )
}

fn listed<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn edited(edit: &SuiteEdit) -> String {
    let mut text = String::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let before = if text.is_empty() { "" } else { "; " };
            // Writing to a `String` does not fail.
            let _ = write!(text, "{before}{name} {value}");
        }
    };
    let flag = |flag: Option<bool>| flag.map(|on| if on { "yes" } else { "no" }.to_owned());
    let some = |values: String| Some(values).filter(|values| !values.is_empty());
    if let Some(of) = &edit.alias {
        add("alias", Some(of.alias.as_ref().map_or("none".into(), SuiteName::to_string)));
        add(TAKEN_FROM.trim(), of.from.as_ref().map(SuiteName::to_string));
    }
    add("description", edit.description.clone());
    add("validity", edit.valid_seconds.map(|seconds| format!("{seconds} s")));
    add("versions", edit.versions.map(|versions| versions.to_string()));
    let keep = edit.keep.as_deref().copied().unwrap_or_default();
    add("keep_versions", keep.versions.map(|number| number.to_string()));
    add("keep_days", keep.days.map(|days| days.to_string()));
    add("keep_installed_days", keep.installed_days.map(|days| days.to_string()));
    add("owns", edit.owns.as_ref().map(|owns| owns.join(" ")));
    add("allows", edit.allows.as_ref().map(|allows| listed(allows)));
    add("components +", some(listed(&edit.add_components)));
    add("architectures +", some(listed(&edit.add_architectures)));
    add("architectures -", some(listed(&edit.remove_architectures)));
    add("changelogs", edit.changelogs.clone());
    add("snapshots", edit.snapshots.clone());
    add("contents", flag(edit.contents));
    add("pdiffs", flag(edit.pdiffs));
    add("translations", flag(edit.translations));
    text
}

/// A short description of a certificate and its right.
pub(crate) fn issued(grant: &Grant, record: &CertificateRecord) -> String {
    format!("{}; serial {} until {}", granted(grant), record.serial, record.not_after)
}

/// A short description of what an edit of access changed.
pub(crate) fn access_edited(edit: &AccessEdit) -> String {
    let mut parts = Vec::new();
    parts.extend(edit.make_groups.iter().map(|group| format!("group {group}")));
    parts.extend(edit.end_groups.iter().map(|group| format!("no group {group}")));
    parts.extend(edit.join.iter().map(|(group, member)| format!("{} in {group}", member.as_str())));
    parts.extend(
        edit.leave.iter().map(|(group, member)| format!("{} out of {group}", member.as_str())),
    );
    let grant = |grant: &AccessGrant| {
        let suites: Vec<_> = grant.suites.iter().collect();
        let (role, suites) = (grant.role.as_str(), listed(&suites));
        format!("{}: {role} of {suites}, {}", grant.to, rights::limits(grant))
    };
    parts.extend(edit.give.iter().map(|given| format!("gives {}", grant(given))));
    parts.extend(edit.revoke.iter().map(|taken| format!("takes {}", grant(taken))));
    some_of(&parts)
}

/// A short description of a right.
pub(crate) fn granted(grant: &Grant) -> String {
    let suites = match &grant.suites {
        SuiteScope::All => "every suite".to_owned(),
        SuiteScope::Named(names) if names.is_empty() => "what it holds".to_owned(),
        SuiteScope::Named(names) => listed(&names.iter().collect::<Vec<_>>()),
    };
    let limits = match grant.limits.is_empty() {
        true => String::new(),
        false => format!(", {}", rights::limits(&AccessGrant::of(grant))),
    };
    format!("{}: {} of {suites}{limits}", grant.identity, grant.role.as_str())
}
