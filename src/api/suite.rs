//! Suites and their generations, as they are sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HoldView, KeepChange, KeepRules, Move, Ring, RolledView, RolloutPolicy};
use crate::debian::{
    Architecture, Component, Namespace, PackageName, Privilege, SuiteName, Versions,
};

fn yes() -> bool {
    true
}

// serde hands fields over by reference.
fn is_yes(flag: &bool) -> bool {
    *flag
}

fn is_no(flag: &bool) -> bool {
    !flag
}

/// The definition of a new suite: the body of `POST /suites`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuiteDefinition {
    /// Its directory under `dists/` and its Codename.
    pub name: SuiteName,
    /// Its Suite field where that differs from the Codename, and a second directory under `dists/`.
    /// Never the name of a suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<SuiteName>,
    /// The Origin field; it never changes afterwards. When left out: that of a removed suite of
    /// this name, else the server's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub origin: String,
    /// The Label field; it never changes afterwards. When left out: that of a removed suite of this
    /// name, else the Origin.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The Description field; empty for none.
    #[serde(default)]
    pub description: String,
    /// Its components, in the order in which they are listed.
    pub components: Vec<Component>,
    /// Patterns of the package names that it owns, such as `acme-*`; empty when it takes any name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owns: Vec<String>,
    /// The privileges that its packages may use, which have an effect on all of its hosts:
    /// `essential`, `protected`, `phased-updates`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allows: Vec<Privilege>,
    /// Concrete architectures in the order in which they are listed; never `all`.
    pub architectures: Vec<Architecture>,
    /// How many versions of a name and architecture are listed at most: a number, or `all`.
    #[serde(default, skip_serializing_if = "Versions::is_one")]
    pub versions: Versions,
    /// The namespace, within which a name, version and architecture belong to one set of bytes; it
    /// never changes afterwards. When left out: `default`.
    #[serde(default, skip_serializing_if = "Namespace::is_default")]
    pub namespace: Namespace,
    /// Its rings, in the order in which changes reach them; empty: changes reach all hosts at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rings: Vec<Ring>,
    /// By what its rollouts go on and stop by themselves.
    #[serde(default, skip_serializing_if = "RolloutPolicy::is_empty")]
    pub rollout: RolloutPolicy,
    /// What it keeps of what it no longer lists.
    #[serde(default, skip_serializing_if = "KeepRules::is_unsaid")]
    pub keep: KeepRules,
    /// How long a signature is valid. Unit: days.
    pub valid_days: u32,
    /// Whether hosts take packages from it only when a person names it (NotAutomatic); it never changes
    /// afterwards.
    #[serde(default, skip_serializing_if = "is_no")]
    pub not_automatic: bool,
    /// Whether hosts then follow its upgrades (ButAutomaticUpgrades); it never changes afterwards.
    #[serde(default, skip_serializing_if = "is_no")]
    pub but_automatic_upgrades: bool,
    /// Where `apt changelog` looks: an https address with `@CHANGEPATH@` in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changelogs: Option<String>,
    /// Where apt finds an earlier state: an https address with `@SNAPSHOTID@` in it. When left out:
    /// on this server; when empty: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<String>,
    /// Whether `Contents-ARCH` is made, which apt-file reads.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub contents: bool,
    /// Whether patches from earlier indices are made.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub pdiffs: bool,
    /// Whether long descriptions are in a `Translation-en` instead of `Packages`.
    #[serde(default, skip_serializing_if = "is_no")]
    pub translations: bool,
    /// Only check it; the answer is the suite as it would be, at generation 0.
    #[serde(default, skip_serializing_if = "is_no")]
    pub dry_run: bool,
}

/// An edit of a suite: the body of `PATCH /suites/{suite}`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuiteEdit {
    /// The new alias; empty for none. Hosts that read the suite by the old one stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The suite that the alias is taken from. Hosts that read that suite by the alias stop: apt
    /// says that the Codename has changed. Where a suite of that very name was removed, the alias
    /// itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias_from: Option<SuiteName>,
    /// A new Description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many versions of a name and architecture are listed at most from now on: a number, or `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<Versions>,
    /// Rings, in place of those before, in the order in which changes reach them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rings: Option<Vec<Ring>>,
    /// By what its rollouts go on and stop by themselves; what is left out of it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutPolicy>,
    /// What it keeps of what it no longer lists; what is left out stays as it is.
    #[serde(default, skip_serializing_if = "KeepChange::is_unsaid")]
    pub keep: KeepChange,
    /// How long a signature is valid from now on. Unit: days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u32>,
    /// Components to add after those it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_components: Vec<Component>,
    /// Patterns of the package names that it owns, in place of those it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owns: Option<Vec<String>>,
    /// The privileges that its packages may use, in place of those before; they have an effect on
    /// all of its hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allows: Option<Vec<Privilege>>,
    /// Architectures to add after those it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_architectures: Vec<Architecture>,
    /// Architectures to remove. Refused while packages of them are listed, unless `with_packages`
    /// is set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_architectures: Vec<Architecture>,
    /// Whether the packages of the removed architectures are removed with them.
    #[serde(default, skip_serializing_if = "is_no")]
    pub with_packages: bool,
    /// Refused unless it is the present value: apt would stop on every host until a person agrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_automatic: Option<bool>,
    /// Refused unless it is the present value, for the same reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub but_automatic_upgrades: Option<bool>,
    /// Refused unless it is the present one: hosts that have a version would keep it unnoticed,
    /// although the suite has other bytes of it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
    /// Where `apt changelog` looks from now on; empty for nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changelogs: Option<String>,
    /// Where apt finds an earlier state from now on; empty for nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<String>,
    /// Whether `Contents-ARCH` is made, which apt-file reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<bool>,
    /// Whether patches from earlier indices are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pdiffs: Option<bool>,
    /// Whether long descriptions are in a `Translation-en` instead of `Packages`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub translations: Option<bool>,
    /// The reason. It may be in the query instead.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Only check it, and report what it would do.
    #[serde(default, skip_serializing_if = "is_no")]
    pub dry_run: bool,
}

/// The Dates of a suite start anew: the body of `POST /suites/{suite}/redate`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuiteRedate {
    /// The reason. It may be in the query instead.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// A suite and its state: the answer of `GET /suites/{suite}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SuiteView {
    /// Its directory under `dists/` and its Codename.
    pub name: SuiteName,
    /// Its Suite field where that differs from the Codename, and a second directory under `dists/`.
    /// Never the name of a suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<SuiteName>,
    /// The Origin field.
    pub origin: String,
    /// The Label field.
    pub label: String,
    /// The Description field; empty for none.
    pub description: String,
    /// Its components, in the order in which they are listed.
    pub components: Vec<Component>,
    /// Patterns of the package names that it owns, such as `acme-*`; empty when it takes any name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owns: Vec<String>,
    /// The privileges that its packages may use, which have an effect on all of its hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allows: Vec<Privilege>,
    /// Its architectures, in the order in which they are listed.
    pub architectures: Vec<Architecture>,
    /// How many versions of a name and architecture are listed at most: a number, or `all`.
    #[serde(default)]
    pub versions: Versions,
    /// The namespace, within which a name, version and architecture belong to one set of bytes.
    #[serde(default)]
    pub namespace: Namespace,
    /// How long a signature is valid. Unit: days.
    pub valid_days: u32,
    /// Whether hosts take packages from it only when a person names it (NotAutomatic).
    #[serde(default)]
    pub not_automatic: bool,
    /// Whether hosts then follow its upgrades (ButAutomaticUpgrades).
    #[serde(default)]
    pub but_automatic_upgrades: bool,
    /// Where `apt changelog` looks.
    #[serde(default)]
    pub changelogs: Option<String>,
    /// Where apt finds an earlier state.
    #[serde(default)]
    pub snapshots: Option<String>,
    /// Whether `Contents-ARCH` is made, which apt-file reads.
    #[serde(default)]
    pub contents: bool,
    /// Whether patches from earlier indices are made.
    #[serde(default)]
    pub pdiffs: bool,
    /// Whether long descriptions are in a `Translation-en` instead of `Packages`.
    #[serde(default)]
    pub translations: bool,
    /// Its rings, in the order in which changes reach them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rings: Vec<Ring>,
    /// By what its rollouts go on and stop by themselves.
    #[serde(default, skip_serializing_if = "RolloutPolicy::is_empty")]
    pub rollout: RolloutPolicy,
    /// What it keeps of what it no longer lists.
    #[serde(default)]
    pub keep: KeepRules,
    /// Why it offers nothing new, while it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldView>,
    /// The generation that is served; 0 before the first.
    pub generation: u64,
    /// The Date of what is served.
    pub date: Option<i64>,
    /// The Valid-Until of what is served.
    pub valid_until: Option<i64>,
    /// How many packages are listed.
    pub packages: u64,
    /// How many are stored but not listed, because of a higher version or a pin.
    pub waiting: u64,
    /// How many pins are in force.
    pub pins: u64,
    /// The size of all listed packages together. Unit: bytes.
    pub size_bytes: u64,
}

/// One generation as history shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct GenerationView {
    /// Its number.
    pub generation: u64,
    /// When it was published.
    pub at: i64,
    /// The identities that asked for it; several when their changes went out together.
    pub authors: Vec<String>,
    /// The reasons, one line for each change in it.
    pub message: String,
    /// The earlier generation whose packages it brought back, if it did.
    pub same_as: Option<u64>,
    /// How many packages came in.
    pub entered: u64,
    /// How many packages went out.
    pub left: u64,
    /// What moved, by name: at most 20 packages, and none where more than 200 came and went.
    #[serde(default)]
    pub moves: Vec<Move>,
    /// The rings that rollouts reached with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rolled: Vec<RolledView>,
    /// Whether it is the one that is served.
    pub live: bool,
}

/// The query of `GET /suites/{suite}/generations`. The answer is newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerationsQuery {
    /// Only those that moved the binary package of this name, or one that is built from the source of this
    /// name, with these moves alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageName>,
    /// Only those before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How many at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The query of `GET /suites/{suite}/diff`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiffQuery {
    /// The generation to compare from.
    pub from: u64,
    /// The generation to compare to; it may be the earlier one.
    pub to: u64,
}

/// What differs between two generations.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Diff {
    /// The generation compared from.
    pub from: u64,
    /// The generation compared to.
    pub to: u64,
    /// Every package whose version differs, by name.
    pub moves: Vec<Move>,
}
