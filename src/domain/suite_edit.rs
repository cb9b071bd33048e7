//! Suite edit: what may be changed of a live suite.

use crate::debian::{Architecture, Component, Namespace, Privilege, SuiteName, Versions};
use crate::domain::keep::KeepEdit;
use crate::domain::policy::PolicyEdit;
use crate::domain::ring::RingText;
use crate::domain::suite::{SpecError, SuiteSpec};

/// An edit of a suite. Origin, Label, name and NotAutomatic cannot be edited: apt would ask a
/// person on every host. Neither can the namespace.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SuiteEdit {
    /// Another alias, or none. In a box, because it is rare and would make every change larger.
    pub alias: Option<Box<AliasEdit>>,
    /// A new Description.
    pub description: Option<String>,
    /// A new validity of signatures. Unit: seconds.
    pub valid_seconds: Option<i64>,
    /// Patterns of the package names it owns, in place of those it had.
    pub owns: Option<Vec<String>>,
    /// The privileges that its packages may use, in place of those before.
    pub allows: Option<Vec<Privilege>>,
    /// How many versions of a name and architecture are listed at most.
    pub versions: Option<Versions>,
    /// Rings, in place of those before. In a box, as the alias.
    pub rings: Option<Box<Vec<RingText>>>,
    /// By what its rollouts go on and stop. In a box, as the alias.
    pub rollout: Option<Box<PolicyEdit>>,
    /// What it keeps of what it no longer lists. In a box, as the alias.
    pub keep: Option<Box<KeepEdit>>,
    /// Components to add.
    pub add_components: Vec<Component>,
    /// Architectures to add.
    pub add_architectures: Vec<Architecture>,
    /// Architectures to remove.
    pub remove_architectures: Vec<Architecture>,
    /// Whether their packages are removed with them.
    pub with_packages: bool,
    /// Refused unless it is the present value.
    pub not_automatic: Option<bool>,
    /// Refused unless it is the present value.
    pub but_automatic_upgrades: Option<bool>,
    /// Refused unless it is the present one. In a box, as the alias.
    pub namespace: Option<Box<Namespace>>,
    /// Where `apt changelog` looks; empty for nowhere.
    pub changelogs: Option<String>,
    /// Where apt finds an earlier state; empty for nowhere.
    pub snapshots: Option<String>,
    /// Whether `Contents-ARCH` is made.
    pub contents: Option<bool>,
    /// Whether patches from earlier indices are made.
    pub pdiffs: Option<bool>,
    /// Whether long descriptions are in a `Translation-en`.
    pub translations: Option<bool>,
}

/// Another alias of a suite, or none.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct AliasEdit {
    /// The alias.
    pub alias: Option<SuiteName>,
    /// The suite that it may be taken from; its own name, where that was the name of a removed
    /// suite.
    pub from: Option<SuiteName>,
}

impl SuiteEdit {
    /// The suite that the alias may be taken from.
    pub fn alias_from(&self) -> Option<&SuiteName> {
        self.alias.as_ref().and_then(|edit| edit.from.as_ref())
    }

    /// Whether it adds components or architectures, by which hosts name files.
    pub fn adds(&self) -> bool {
        !self.add_components.is_empty() || !self.add_architectures.is_empty()
    }

    /// The suite's spec after the edit.
    ///
    /// # Errors
    /// [`SpecError`] naming the field.
    pub fn apply(&self, earlier: &SuiteSpec) -> Result<SuiteSpec, SpecError> {
        let mut spec = earlier.clone();
        if let Some(edit) = &self.alias {
            spec.alias.clone_from(&edit.alias);
        }
        if let Some(description) = &self.description {
            spec.description.clone_from(description);
        }
        if let Some(valid_seconds) = self.valid_seconds {
            spec.valid_seconds = valid_seconds;
        }
        if let Some(owns) = &self.owns {
            spec.owns.clone_from(owns);
        }
        if let Some(allows) = &self.allows {
            spec.allows.clone_from(allows);
        }
        if let Some(rings) = &self.rings {
            spec.rings = spec.rings.replaced(rings);
        }
        if let Some(edit) = &self.rollout {
            spec.rollout = spec.rollout.edited(edit);
        }
        spec.versions = self.versions.unwrap_or(spec.versions);
        spec.keep = self.keep.as_ref().map_or(spec.keep, |keep| keep.apply(spec.keep));
        if let Some(namespace) = &self.namespace {
            spec.namespace.clone_from(namespace);
        }
        let components = self.add_components.iter().filter(|one| !spec.components.contains(one));
        let components: Vec<_> = components.cloned().collect();
        spec.components.extend(components);
        known(&self.add_architectures)?;
        self.take_away(&mut spec)?;
        let new = self.add_architectures.iter().filter(|one| !spec.architectures.contains(one));
        let new: Vec<_> = new.cloned().collect();
        spec.architectures.extend(new);
        self.apply_kind(&mut spec);
        spec.verify()?;
        spec.follows(earlier)?;
        Ok(spec)
    }

    fn take_away(&self, spec: &mut SuiteSpec) -> Result<(), SpecError> {
        for gone in &self.remove_architectures {
            let (field, suite) = ("architectures", &spec.name);
            if self.add_architectures.contains(gone) {
                let problem = format!("{gone} is added and removed; say one of both");
                return Err(SpecError { field, problem });
            }
            if !spec.architectures.contains(gone) {
                let problem = format!("suite {suite} does not list {gone}");
                return Err(SpecError { field, problem });
            }
            spec.architectures.retain(|one| one != gone);
        }
        Ok(())
    }

    fn apply_kind(&self, spec: &mut SuiteSpec) {
        for (slot, flag) in [
            (&mut spec.not_automatic, self.not_automatic),
            (&mut spec.but_automatic_upgrades, self.but_automatic_upgrades),
            (&mut spec.contents, self.contents),
            (&mut spec.pdiffs, self.pdiffs),
            (&mut spec.translations, self.translations),
        ] {
            *slot = flag.unwrap_or(*slot);
        }
        for (slot, url) in
            [(&mut spec.changelogs, &self.changelogs), (&mut spec.snapshots, &self.snapshots)]
        {
            if let Some(url) = url {
                *slot = Some(url.clone()).filter(|url| !url.is_empty());
            }
        }
    }
}

/// Checks that dpkg knows these architectures: hosts would ignore any other, and see none of its
/// packages.
///
/// # Errors
/// [`SpecError`] naming one that it does not know.
pub fn known(architectures: &[Architecture]) -> Result<(), SpecError> {
    let Some(other) = architectures.iter().find(|one| !one.is_known()) else { return Ok(()) };
    let problem = format!("dpkg knows no architecture {other}: {}", other.advice());
    Err(SpecError { field: "architectures", problem })
}
