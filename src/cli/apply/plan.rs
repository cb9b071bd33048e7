//! The plan: the changes from the present state to that of the file.

use std::collections::BTreeSet;

use super::aliases;
use super::manifest::{Manifest, SuiteEntry, settle};
use super::stays::{self, Stays, Unnamed};
use crate::api::{
    AccessChange, AccessGrant, AccessGroup, AccessView, KeepRules, Ring, RolloutPolicy,
    SuiteDefinition, SuiteEdit, SuiteView,
};
use crate::cli::absent::Known;
use crate::cli::render;
use crate::debian::{Privilege, SuiteName};
use crate::toml_text::step;

/// All changes, in this order.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// Suites to create.
    pub create: Vec<SuiteDefinition>,
    /// Suites to edit, each with a line for every change.
    pub edit: Vec<(SuiteName, SuiteEdit, Vec<String>)>,
    /// Groups and grants.
    pub access: AccessChange,
    /// Suites to remove.
    pub remove: Vec<SuiteName>,
    /// What is not in the file, and is not removed.
    pub unnamed: Unnamed,
    /// Everything that stays, with the reasons.
    pub stays: Vec<Stays>,
    /// What in the file has no effect, or not the one that is meant.
    pub warnings: Vec<String>,
    /// Differences that no edit can make: the field of the file, and why.
    pub impossible: Vec<(String, String)>,
}

impl Plan {
    /// The plan for this file of the one who is called `me`; objects that it does not name are removed
    /// only with `prune`.
    pub fn new(
        file: &Manifest,
        suites: &[SuiteView],
        access: &AccessView,
        (prune, me): (bool, &str),
    ) -> Self {
        let mut plan = Self::default();
        plan.suites(file, suites, prune);
        plan.groups(file, access, prune);
        plan.grants(file, access, prune);
        plan.warn(file, suites);
        plan.stays = stays::of(&plan.unnamed, file, suites, access, me);
        plan
    }

    /// Warns of grants for suites, and parts of them, that will not be there.
    fn warn(&mut self, file: &Manifest, there: &[SuiteView]) {
        let mut known = Known::of(there.iter().filter(|suite| !self.remove.contains(&suite.name)));
        for (name, entry) in file.suite.iter().flatten() {
            known.name(name, entry.alias.as_deref());
            let made = self.create.iter().find(|suite| suite.name == *name);
            let components = made.map(|suite| &suite.components).or(entry.components.as_ref());
            let components = components.map(Vec::as_slice).unwrap_or_default();
            known.part(name, components, entry.owns.as_deref());
        }
        for (line, grant) in file.grants() {
            let faults = known.faults(grant).into_iter();
            self.warnings.extend(faults.map(|fault| format!("line {line}: {fault}")));
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.create.is_empty()
            && self.edit.is_empty()
            && self.access.is_empty()
            && self.remove.is_empty()
    }

    /// The difference, one line each.
    pub fn lines(&self) -> Vec<String> {
        let names = |items: &[String]| items.join(",");
        let mut lines = Vec::new();
        for suite in &self.create {
            let components: Vec<_> = suite.components.iter().map(ToString::to_string).collect();
            let architectures: Vec<_> =
                suite.architectures.iter().map(ToString::to_string).collect();
            let of = format!("{} for {}", names(&components), names(&architectures));
            let alias =
                suite.alias.as_ref().map(|one| format!(", alias {one}")).unwrap_or_default();
            lines.push(format!("+ suite {}: {of}{alias}", suite.name));
        }
        for (name, _, altered) in &self.edit {
            lines.extend(altered.iter().map(|line| format!("~ suite {name}: {line}")));
        }
        lines.extend(render::rights::lines(&self.access));
        lines.extend(self.remove.iter().map(|name| format!("- suite {name}")));
        lines
    }

    fn suites(&mut self, file: &Manifest, there: &[SuiteView], prune: bool) {
        let Some(wanted) = &file.suite else { return };
        for (name, entry) in wanted {
            match there.iter().find(|suite| suite.name == *name) {
                None => self.make_suite(name, entry, there),
                Some(suite) => self.edit_suite(suite, entry, there),
            }
        }
        let others = there.iter().filter(|suite| !wanted.contains_key(&suite.name));
        for suite in others {
            match prune {
                true if suite.packages > 0 => self.unnamed.full.push(suite.name.clone()),
                true => self.remove.push(suite.name.clone()),
                false => self.unnamed.suites.push(suite.name.clone()),
            }
        }
    }

    fn make_suite(&mut self, name: &SuiteName, entry: &SuiteEntry, there: &[SuiteView]) {
        let alias = aliases::at_once(entry, there);
        let (mut edit, mut lines) = (SuiteEdit::default(), Vec::new());
        aliases::edit(name, alias.as_ref(), entry, there, (&mut edit, &mut lines));
        self.create.push(SuiteDefinition { alias, ..definition(name, entry) });
        if !lines.is_empty() {
            self.edit.push((name.clone(), edit, lines));
        }
    }

    fn edit_suite(&mut self, suite: &SuiteView, entry: &SuiteEntry, there: &[SuiteView]) {
        let fixed = [
            ("origin", entry.origin.as_ref().is_some_and(|one| *one != suite.origin)),
            ("label", entry.label.as_ref().is_some_and(|one| *one != suite.label)),
            ("not_automatic", entry.not_automatic.is_some_and(|one| one != suite.not_automatic)),
            (
                "but_automatic_upgrades",
                entry.but_automatic_upgrades.is_some_and(|one| one != suite.but_automatic_upgrades),
            ),
        ];
        for (field, _) in fixed.into_iter().filter(|(_, altered)| *altered) {
            let why = format!(
                "suite {}: {field} cannot be changed: apt would stop on every host until a person \
                 agrees; make another suite",
                suite.name
            );
            self.impossible.push((field_of(suite, field), why));
        }
        if entry.namespace.as_ref().is_some_and(|one| *one != suite.namespace) {
            let why = format!(
                "suite {}: namespace cannot be changed: the suite is in {} for ever, and hosts that have a version \
                 would keep other bytes of it unseen; make another suite",
                suite.name, suite.namespace
            );
            self.impossible.push((field_of(suite, "namespace"), why));
        }
        self.keep_parts(suite, entry);
        let (mut edit, mut lines) = edit_of(suite, entry);
        let both = (&mut edit, &mut lines);
        aliases::edit(&suite.name, suite.alias.as_ref(), entry, there, both);
        if !lines.is_empty() {
            self.edit.push((suite.name.clone(), edit, lines));
        }
    }

    /// Components and architectures are added and never removed.
    fn keep_parts(&mut self, suite: &SuiteView, entry: &SuiteEntry) {
        for component in missing(&suite.components, entry.components.as_deref()) {
            self.unnamed.parts.push(format!("{}: component {component}", suite.name));
        }
        for architecture in missing(&suite.architectures, entry.architectures.as_deref()) {
            self.unnamed.parts.push(format!("{}: architecture {architecture}", suite.name));
        }
    }

    fn groups(&mut self, file: &Manifest, there: &AccessView, prune: bool) {
        let Some(wanted) = &file.group else { return };
        for (name, entry) in wanted {
            let known = there.groups.iter().find(|group| group.name == *name);
            if known.is_none() {
                self.access.make_groups.push(name.clone());
            }
            let have: BTreeSet<_> = known.iter().flat_map(|group| &group.members).collect();
            let want: BTreeSet<_> = entry.members.iter().collect();
            let of = |members: Vec<String>| AccessGroup { name: name.clone(), members };
            let join: Vec<_> = want.difference(&have).map(|one| (*one).clone()).collect();
            let leave: Vec<_> = have.difference(&want).map(|one| (*one).clone()).collect();
            if !join.is_empty() {
                self.access.join.push(of(join));
            }
            match prune {
                true if !leave.is_empty() => self.access.leave.push(of(leave)),
                _ => {
                    let members = leave.iter().map(|one| format!("{name}: {one}"));
                    self.unnamed.members.extend(members);
                }
            }
        }
        for group in there.groups.iter().filter(|group| !wanted.contains_key(&group.name)) {
            match prune {
                true => self.access.end_groups.push(group.name.clone()),
                false => self.unnamed.groups.push(group.name.clone()),
            }
        }
    }

    fn grants(&mut self, file: &Manifest, there: &AccessView, prune: bool) {
        if file.grant.is_none() {
            return;
        }
        let given = there.grants.iter().filter(|given| !given.own);
        let have: BTreeSet<AccessGrant> = given
            .map(|given| {
                let mut grant = given.grant.clone();
                settle(&mut grant);
                grant
            })
            .collect();
        let want: BTreeSet<AccessGrant> = file.grants().map(|(_, grant)| grant.clone()).collect();
        self.access.give = want.difference(&have).cloned().collect();
        let over = have.difference(&want).cloned().collect();
        match prune {
            true => self.access.revoke = over,
            false => self.unnamed.grants = over,
        }
    }
}

/// A field of a suite by its path in the file.
fn field_of(suite: &SuiteView, field: &str) -> String {
    format!("suite.{}.{field}", step(suite.name.as_str()))
}

/// Members that a list in the file leaves out.
fn missing<'a, T: PartialEq>(have: &'a [T], want: Option<&'a [T]>) -> Vec<&'a T> {
    let Some(want) = want else { return Vec::new() };
    have.iter().filter(|one| !want.contains(one)).collect()
}

fn definition(name: &SuiteName, entry: &SuiteEntry) -> SuiteDefinition {
    let usual = |word: &str| word.parse().ok().into_iter().collect();
    SuiteDefinition {
        name: name.clone(),
        alias: None,
        origin: entry.origin.clone().unwrap_or_default(),
        label: entry.label.clone().unwrap_or_default(),
        description: entry.description.clone().unwrap_or_default(),
        components: entry.components.clone().unwrap_or_else(|| usual("main")),
        owns: entry.owns.clone().unwrap_or_default(),
        allows: entry.allows.clone().unwrap_or_default(),
        architectures: entry
            .architectures
            .clone()
            .unwrap_or_else(|| "amd64".parse().ok().into_iter().collect()),
        valid_days: entry.valid_days.unwrap_or(14),
        not_automatic: entry.not_automatic.unwrap_or(false),
        but_automatic_upgrades: entry.but_automatic_upgrades.unwrap_or(false),
        changelogs: entry.changelogs.clone(),
        snapshots: entry.snapshots.clone(),
        contents: entry.contents.unwrap_or(true),
        pdiffs: entry.pdiffs.unwrap_or(true),
        translations: entry.translations.unwrap_or(false),
        versions: entry.versions.unwrap_or_default(),
        rings: entry.rings.clone().unwrap_or_default(),
        rollout: entry.rollout.clone().unwrap_or_default(),
        keep: KeepRules::default().edited(entry.keep),
        namespace: entry.namespace.clone().unwrap_or_default(),
        dry_run: false,
    }
}

/// What is to be different of the policy of rollouts.
fn rollout_of(
    suite: &SuiteView,
    entry: &SuiteEntry,
    lines: &mut Vec<String>,
) -> Option<RolloutPolicy> {
    let rollout = entry.rollout.as_ref()?;
    let have = suite.rollout.pairs();
    let new = rollout.pairs().into_iter().filter(|pair| !have.contains(pair));
    let told: Vec<_> = new.map(|(key, value)| format!("{key}={value}")).collect();
    let freezes = rollout.freezes.as_ref();
    let freezes = freezes.filter(|new| suite.rollout.freezes.as_ref() != Some(new));
    if told.is_empty() && freezes.is_none() {
        return None;
    }
    lines.extend((!told.is_empty()).then(|| format!("rollout {}", told.join(","))));
    if let Some(freezes) = freezes {
        let named = freezes.iter().map(|one| format!("{}={}", one.name, one.when));
        lines.push(format!("freezes {:?}", named.collect::<Vec<_>>()));
    }
    Some(rollout.clone())
}

/// The changes of a suite, as an edit and as lines for people.
fn edit_of(suite: &SuiteView, entry: &SuiteEntry) -> (SuiteEdit, Vec<String>) {
    let mut lines = Vec::new();
    let mut text = |field: &str, have: &str, want: &Option<String>| {
        let want = want.as_ref().filter(|want| *want != have)?;
        lines.push(format!("{field} {have:?} -> {want:?}"));
        Some(want.clone())
    };
    let mut edit = SuiteEdit {
        description: text("description", &suite.description, &entry.description),
        changelogs: text(
            "changelogs",
            suite.changelogs.as_deref().unwrap_or_default(),
            &entry.changelogs,
        ),
        snapshots: text(
            "snapshots",
            suite.snapshots.as_deref().unwrap_or_default(),
            &entry.snapshots,
        ),
        ..SuiteEdit::default()
    };
    let mut flag = |field: &str, have: bool, want: Option<bool>| {
        let want = want.filter(|want| *want != have)?;
        lines.push(format!("{field} {have} -> {want}"));
        Some(want)
    };
    edit.contents = flag("contents", suite.contents, entry.contents);
    edit.pdiffs = flag("pdiffs", suite.pdiffs, entry.pdiffs);
    edit.translations = flag("translations", suite.translations, entry.translations);
    if let Some(days) = entry.valid_days.filter(|days| *days != suite.valid_days) {
        lines.push(format!("valid_days {} -> {days}", suite.valid_days));
        edit.valid_days = Some(days);
    }
    if let Some(versions) = entry.versions.filter(|versions| *versions != suite.versions) {
        lines.push(format!("versions {} -> {versions}", suite.versions));
        edit.versions = Some(versions);
    }
    let keep = suite.keep.edited(entry.keep);
    if keep != suite.keep {
        let kept = render::suite::kept;
        lines.push(format!("keeps {} -> {}", kept(suite.keep), kept(keep)));
        edit.keep = entry.keep;
    }
    if let Some(owns) = entry.owns.as_ref().filter(|owns| **owns != suite.owns) {
        lines.push(format!("owns {:?} -> {owns:?}", suite.owns));
        edit.owns = Some(owns.clone());
    }
    if let Some(allows) = entry.allows.as_ref().filter(|allows| **allows != suite.allows) {
        let named = |all: &[Privilege]| all.iter().map(|one| one.as_str()).collect::<Vec<_>>();
        lines.push(format!("allows {:?} -> {:?}", named(&suite.allows), named(allows)));
        edit.allows = Some(allows.clone());
    }
    if let Some(rings) = entry.rings.as_ref().filter(|rings| **rings != suite.rings) {
        let named = |all: &[Ring]| {
            let ring = |one: &Ring| format!("{}={}", one.name, one.hosts.join(","));
            all.iter().map(ring).collect::<Vec<_>>()
        };
        lines.push(format!("rings {:?} -> {:?}", named(&suite.rings), named(rings)));
        edit.rings = Some(rings.clone());
    }
    edit.rollout = rollout_of(suite, entry, &mut lines);
    let new = entry.components.iter().flatten().filter(|one| !suite.components.contains(one));
    edit.add_components = new.cloned().collect();
    lines.extend(edit.add_components.iter().map(|one| format!("component {one} is added")));
    let new = entry.architectures.iter().flatten();
    let new = new.filter(|one| !suite.architectures.contains(one));
    edit.add_architectures = new.cloned().collect();
    lines.extend(edit.add_architectures.iter().map(|one| format!("architecture {one} is added")));
    (edit, lines)
}
