//! Suites: how an operator defines one.

use crate::debian::release::{CHANGELOGS_WORD, SNAPSHOTS_WORD, template};
use crate::debian::{Architecture, Component, Namespace, Privilege, SuiteName, Versions};
use crate::domain::glob::matches;
use crate::domain::keep::Keep;
use crate::domain::policy::RolloutPolicy;
use crate::domain::reserved::is_reserved;
use crate::domain::ring::Rings;

/// What a suite is, as its Release file says it.
///
/// Origin, Label, Codename and the two kinds of NotAutomatic never change after creation: apt asks a
/// person on every host when they do.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuiteSpec {
    /// Its directory under `dists/` and its Codename.
    pub name: SuiteName,
    /// Its Suite field where that differs from the Codename, and a second directory under `dists/`.
    /// Rights are never looked up by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<SuiteName>,
    /// The Origin field: who publishes it.
    pub origin: String,
    /// The Label field.
    pub label: String,
    /// The Description field; empty for none.
    #[serde(default)]
    pub description: String,
    /// Its components, in the order in which they are listed.
    pub components: Vec<Component>,
    /// Concrete architectures in the order in which they are listed; never `all`.
    pub architectures: Vec<Architecture>,
    /// Patterns of the binary package names that the suite owns, such as `acme-*`; others are refused.
    /// Empty: any name is taken.
    #[serde(default)]
    pub owns: Vec<String>,
    /// The privileges that its packages may use, which have an effect on all of its hosts; packages
    /// that use others are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allows: Vec<Privilege>,
    /// How many versions of a name and architecture are listed at most.
    #[serde(default, skip_serializing_if = "Versions::is_one")]
    pub versions: Versions,
    /// The namespace, within which a name, version and architecture belong to one set of bytes. It
    /// never changes.
    #[serde(default, skip_serializing_if = "Namespace::is_default")]
    pub namespace: Namespace,
    /// Its rings, in the order in which changes reach them.
    #[serde(default, skip_serializing_if = "Rings::is_unused")]
    pub rings: Rings,
    /// By what its rollouts go on and stop.
    #[serde(default, skip_serializing_if = "RolloutPolicy::is_usual")]
    pub rollout: RolloutPolicy,
    /// What it keeps of what it no longer lists.
    #[serde(default, skip_serializing_if = "Keep::is_unsaid")]
    pub keep: Keep,
    /// How long a signature is valid. Unit: seconds. It is renewed well before.
    pub valid_seconds: i64,
    /// Whether hosts take packages from it only when a person names the suite: apt gives it priority
    /// 1 instead of 500.
    #[serde(default)]
    pub not_automatic: bool,
    /// Whether hosts follow upgrades of what they took from it by name: priority 100. Only beside
    /// `not_automatic`.
    #[serde(default)]
    pub but_automatic_upgrades: bool,
    /// Where `apt changelog` looks: an https address with `@CHANGEPATH@` in it.
    #[serde(default)]
    pub changelogs: Option<String>,
    /// Where apt finds an earlier state: an https address with `@SNAPSHOTID@` in it.
    #[serde(default)]
    pub snapshots: Option<String>,
    /// Whether `Contents-ARCH` is made, which apt-file reads.
    #[serde(default = "yes")]
    pub contents: bool,
    /// Whether patches from earlier indices are made.
    #[serde(default = "yes")]
    pub pdiffs: bool,
    /// Whether long descriptions are in a `Translation-en` instead of `Packages`.
    #[serde(default)]
    pub translations: bool,
}

fn yes() -> bool {
    true
}

/// The definition of a suite is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct SpecError {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it, and what is allowed.
    pub problem: String,
}

/// One day: shorter validity would let a weekend without signing stop a fleet.
const SHORTEST_VALID_SECONDS: i64 = 86_400;
const LONGEST_VALID_SECONDS: i64 = 366 * 86_400;

impl SuiteSpec {
    /// Checks what types cannot: text without control characters, lists without repeats, bounds.
    ///
    /// # Errors
    /// [`SpecError`] naming the first field that is wrong.
    pub fn verify(&self) -> Result<(), SpecError> {
        if self.alias.as_ref() == Some(&self.name) {
            let problem = "is the suite's own name, which it is reached by anyway; leave it out";
            return Err(SpecError { field: "alias", problem: problem.into() });
        }
        text("origin", &self.origin, false)?;
        text("label", &self.label, false)?;
        text("description", &self.description, true)?;
        list("components", &self.components)?;
        list("architectures", &self.architectures)?;
        if self.architectures.iter().any(Architecture::is_all) {
            let problem = "'all' is in every index by itself; name concrete ones such as amd64";
            return Err(SpecError { field: "architectures", problem: problem.into() });
        }
        for pattern in &self.owns {
            if !valid_pattern(pattern) {
                let problem = format!(
                    "{pattern:?} is no pattern of package names: a-z, 0-9, '+', '-', '.' and '*', with \
                     at least two that are not '*'"
                );
                return Err(SpecError { field: "owns", problem });
            }
        }
        if !(SHORTEST_VALID_SECONDS..=LONGEST_VALID_SECONDS).contains(&self.valid_seconds) {
            let problem = "a signature is valid for 1 to 366 days".into();
            return Err(SpecError { field: "valid", problem });
        }
        if self.but_automatic_upgrades && !self.not_automatic {
            let problem =
                "upgrades come by themselves anyway; it is for a suite that is not automatic";
            return Err(SpecError { field: "but_automatic_upgrades", problem: problem.into() });
        }
        let wrong = |problem| SpecError { field: "rings", problem };
        self.rings.verify().map_err(wrong)?;
        let wrong = |problem| SpecError { field: "rollout", problem };
        self.rollout.verify().map_err(wrong)?;
        if self.rings.is_empty() && !self.rollout.freezes.is_empty() {
            let problem = "a freeze is for a suite with rings; what is uploaded to one without waits while it is held: \
                           `repoctl hold`";
            return Err(wrong(problem.into()));
        }
        self.keep.verify().map_err(|(field, problem)| SpecError { field, problem })?;
        address("changelogs", self.changelogs.as_deref(), CHANGELOGS_WORD)?;
        address("snapshots", self.snapshots.as_deref(), SNAPSHOTS_WORD)
    }

    /// Checks what no edit may alter, against the earlier spec.
    ///
    /// # Errors
    /// [`SpecError`] naming the first field that would make apt ask a person on every host, or the namespace.
    pub fn follows(&self, earlier: &Self) -> Result<(), SpecError> {
        if self.namespace != earlier.namespace {
            let problem = format!(
                "cannot be changed: suite {} is in namespace {} for ever, and hosts that have a version would keep \
                 other bytes of it unseen; create another suite",
                self.name, earlier.namespace
            );
            return Err(SpecError { field: "namespace", problem });
        }
        let altered = [
            ("name", self.name != earlier.name),
            ("origin", self.origin != earlier.origin),
            ("label", self.label != earlier.label),
            ("not_automatic", self.not_automatic != earlier.not_automatic),
            (
                "but_automatic_upgrades",
                self.but_automatic_upgrades != earlier.but_automatic_upgrades,
            ),
        ];
        let Some((field, _)) = altered.into_iter().find(|(_, is_altered)| *is_altered) else {
            return Ok(());
        };
        let problem = "cannot be changed: apt would stop on every host until a person agrees; create \
                       another suite";
        Err(SpecError { field, problem: problem.into() })
    }

    /// A new suite under the name of a removed one: what is not given is taken from the removed
    /// one. It may be in another namespace when that one never `took` a package.
    ///
    /// # Errors
    /// [`SpecError`] naming the first field in which it differs: hosts of the removed suite would
    /// stop, or would keep what they have from another namespace.
    pub fn succeed(self, departed: &Self, took: bool) -> Result<Self, SpecError> {
        let said =
            |text: String, before: &String| if text.is_empty() { before.clone() } else { text };
        let origin = said(self.origin, &departed.origin);
        let label = said(self.label, &departed.label);
        let spec = Self { origin, label, ..self };
        let namespace = if took { &departed.namespace } else { &spec.namespace };
        let known = Self { namespace: namespace.clone(), ..departed.clone() };
        let Err(SpecError { field, .. }) = spec.follows(&known) else { return Ok(spec) };
        if field == "namespace" {
            let problem = format!(
                "was {} of the suite of this name that was removed, and hosts that have a version of it would keep \
                 other bytes unseen; make it the same, or take another name",
                departed.namespace
            );
            return Err(SpecError { field, problem });
        }
        let before = match field {
            "origin" => format!("{:?}", departed.origin),
            "label" => format!("{:?}", departed.label),
            "not_automatic" => departed.not_automatic.to_string(),
            _ => departed.but_automatic_upgrades.to_string(),
        };
        let problem = format!(
            "was {before} of the suite of this name that was removed, and apt of its hosts would stop until a person \
             agrees; make it the same, or take another name"
        );
        Err(SpecError { field, problem })
    }

    /// The Suite field of its Release.
    pub fn release_suite(&self) -> &SuiteName {
        self.alias.as_ref().unwrap_or(&self.name)
    }

    /// Whether the suite owns a package name.
    pub fn owns_name(&self, name: &str) -> bool {
        self.owns.is_empty() || self.owns.iter().any(|pattern| matches(pattern, name))
    }

    /// Whether the suite takes packages of this name: its own, and those that are reserved.
    pub fn takes_name(&self, name: &str) -> bool {
        is_reserved(name) || self.owns_name(name)
    }

    /// Why a name that the suite does not own is refused, and what to do.
    pub fn not_owned(&self) -> String {
        let (suite, owns) = (&self.name, self.owns.join(" "));
        format!(
            "suite {suite} owns only {owns}, and hosts obey it for those names alone; use another suite, or \
             name what it owns anew with `repoctl suite edit {suite} --owns`"
        )
    }

    /// Whether packages of `architecture` can be listed.
    pub fn takes(&self, architecture: &Architecture) -> bool {
        architecture.is_all() || self.architectures.contains(architecture)
    }
}

/// Whether a suite may own this pattern: one that could match anything would let host pins pull the
/// distribution's packages down.
fn valid_pattern(pattern: &str) -> bool {
    let letters = pattern.bytes().filter(|b| *b != b'*').count();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.*".contains(&b);
    letters >= 2 && pattern.len() <= 128 && pattern.bytes().all(plain)
}

fn address(field: &'static str, value: Option<&str>, word: &str) -> Result<(), SpecError> {
    match value.map(|value| (value, template(value, word))) {
        Some((value, Err(rule))) => {
            Err(SpecError { field, problem: format!("{rule}; found {value:?}") })
        }
        _ => Ok(()),
    }
}

fn text(field: &'static str, value: &str, may_be_empty: bool) -> Result<(), SpecError> {
    let problem = if value.is_empty() && !may_be_empty {
        "is empty; say who publishes the suite"
    } else if value.len() > 128 {
        "is longer than 128 bytes"
    } else if value.chars().any(char::is_control) || value.trim() != value {
        "is one line without control characters or blanks at its ends"
    } else {
        return Ok(());
    };
    Err(SpecError { field, problem: problem.into() })
}

fn list<T: Ord + Clone + std::fmt::Display>(
    field: &'static str,
    items: &[T],
) -> Result<(), SpecError> {
    if items.is_empty() {
        return Err(SpecError { field, problem: "is empty; name at least one".into() });
    }
    let mut sorted = items.to_vec();
    sorted.sort();
    let twice = sorted.iter().zip(sorted.iter().skip(1)).find(|(a, b)| a == b);
    match twice {
        Some((item, _)) => Err(SpecError { field, problem: format!("names {item} twice") }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
