//! The file: suites, groups and grants as a person writes them, kept in git.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::api::{
    AccessGrant, AccessView, Freeze, KeepChange, KeepRules, Ring, RolloutPolicy, SuiteView,
};
use crate::debian::{Architecture, Component, Namespace, Privilege, SuiteName, Versions};
use crate::toml_text::{Fault, TomlText};

/// The content of the file. A kind that the file does not have is `None` and not changed.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Suites by name.
    #[serde(default)]
    pub suite: Option<BTreeMap<SuiteName, SuiteEntry>>,
    /// Groups by name.
    #[serde(default)]
    pub group: Option<BTreeMap<String, GroupEntry>>,
    /// Grants, each with its place in the text.
    #[serde(default)]
    pub grant: Option<Vec<Spanned<AccessGrant>>>,
    /// The line of each grant.
    #[serde(skip)]
    lines: Vec<usize>,
}

/// A suite. A field that is left out keeps its value; a new suite has the default of `repoctl suite
/// create`.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SuiteEntry {
    /// Its second name, which is its Suite field; empty for none.
    pub alias: Option<String>,
    /// The Origin field.
    pub origin: Option<String>,
    /// The Label field.
    pub label: Option<String>,
    /// The Description field.
    pub description: Option<String>,
    /// Components, in the order in which they are listed.
    pub components: Option<Vec<Component>>,
    /// In the order in which they are listed.
    pub architectures: Option<Vec<Architecture>>,
    /// Patterns of the package names that it owns.
    pub owns: Option<Vec<String>>,
    /// The privileges that its packages may have.
    pub allows: Option<Vec<Privilege>>,
    /// How many versions of a name and architecture are listed at most.
    pub versions: Option<Versions>,
    /// Within which a name, version and architecture belong to one set of bytes.
    pub namespace: Option<Namespace>,
    /// Its rings, in the order in which changes reach them.
    pub rings: Option<Vec<Ring>>,
    /// By what its rollouts go on and stop by themselves.
    pub rollout: Option<RolloutPolicy>,
    /// What it keeps of what it no longer lists.
    pub keep: KeepChange,
    /// How long a signature is valid. Unit: days.
    pub valid_days: Option<u32>,
    /// NotAutomatic.
    pub not_automatic: Option<bool>,
    /// ButAutomaticUpgrades.
    pub but_automatic_upgrades: Option<bool>,
    /// Where `apt changelog` looks; empty for none.
    pub changelogs: Option<String>,
    /// Where apt finds an earlier state; empty for none.
    pub snapshots: Option<String>,
    /// Whether `Contents-ARCH` is made.
    pub contents: Option<bool>,
    /// Whether patches are made.
    pub pdiffs: Option<bool>,
    /// Whether long descriptions are in a `Translation-en`.
    pub translations: Option<bool>,
}

/// A group.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// Identities and patterns of them.
    pub members: Vec<String>,
}

impl Manifest {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The fault and its place; for an unknown key, the nearest known one.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut manifest: Self =
            toml::from_str(text).map_err(|error| TomlText::new(text).fault(&error))?;
        for grant in manifest.grant.iter_mut().flatten() {
            manifest.lines.push(line_of(text, grant.span().start));
            settle(grant.get_mut());
        }
        Ok(manifest)
    }

    /// Each grant, with the line where it begins.
    pub fn grants(&self) -> impl Iterator<Item = (usize, &AccessGrant)> {
        let grants = self.grant.iter().flatten().map(Spanned::get_ref);
        self.lines.iter().copied().zip(grants)
    }
}

/// Puts a grant into its one spelling: sorted, without duplicates.
pub fn settle(grant: &mut AccessGrant) {
    grant.suites.sort();
    grant.suites.dedup();
    grant.components.sort();
    grant.components.dedup();
    grant.packages.sort();
    grant.packages.dedup();
}

/// The number of the line at a place of the text.
fn line_of(text: &str, place: usize) -> usize {
    let before = text.get(..place).unwrap_or_default();
    before.matches('\n').count().saturating_add(1)
}

/// The file that describes the present state.
pub fn write(suites: &[SuiteView], access: &AccessView) -> String {
    let own = access.grants.iter().filter(|given| given.own).count();
    let mut out = format!(
        "# For repoctl apply -f. Rights that came with a certificate ({own}) are not here: repoctl host list\n\
         # and repoctl identity list show them.\n"
    );
    for suite in suites {
        write_suite(&mut out, suite);
    }
    for group in &access.groups {
        out.push_str(&format!("\n[group.{}]\nmembers = [\n", quoted(&group.name)));
        for member in &group.members {
            out.push_str(&format!("  {},\n", quoted(member)));
        }
        out.push_str("]\n");
    }
    for given in access.grants.iter().filter(|given| !given.own) {
        let grant = &given.grant;
        out.push_str(&format!(
            "\n[[grant]]\nto = {}\nrole = {}\nsuites = {}\n",
            quoted(&grant.to),
            quoted(grant.role.as_str()),
            list(&grant.suites)
        ));
        if !grant.components.is_empty() {
            out.push_str(&format!("components = {}\n", list(&grant.components)));
        }
        if !grant.packages.is_empty() {
            out.push_str(&format!("packages = {}\n", list(&grant.packages)));
        }
    }
    out
}

fn write_suite(out: &mut String, suite: &SuiteView) {
    let url = |url: &Option<String>| quoted(url.as_deref().unwrap_or_default());
    let alias = suite.alias.as_ref().map(ToString::to_string).unwrap_or_default();
    let lines = [
        ("alias", quoted(&alias)),
        ("origin", quoted(&suite.origin)),
        ("label", quoted(&suite.label)),
        ("description", quoted(&suite.description)),
        ("components", list(&suite.components)),
        ("architectures", list(&suite.architectures)),
        ("owns", list(&suite.owns)),
        ("allows", list(&suite.allows)),
        ("versions", versions(suite.versions)),
        ("namespace", quoted(suite.namespace.as_str())),
        ("rings", rings(&suite.rings)),
        ("rollout", rollout(&suite.rollout)),
        ("keep", keep(suite.keep)),
        ("valid_days", suite.valid_days.to_string()),
        ("not_automatic", suite.not_automatic.to_string()),
        ("but_automatic_upgrades", suite.but_automatic_upgrades.to_string()),
        ("changelogs", url(&suite.changelogs)),
        ("snapshots", url(&suite.snapshots)),
        ("contents", suite.contents.to_string()),
        ("pdiffs", suite.pdiffs.to_string()),
        ("translations", suite.translations.to_string()),
    ];
    out.push_str(&format!("\n[suite.{}]\n", quoted(suite.name.as_str())));
    for (key, value) in lines {
        out.push_str(&format!("{key} = {value}\n"));
    }
}

fn rings(rings: &[Ring]) -> String {
    let ring =
        |ring: &Ring| format!("{{ name = {}, hosts = {} }}", quoted(&ring.name), list(&ring.hosts));
    format!("[{}]", rings.iter().map(ring).collect::<Vec<_>>().join(", "))
}

fn rollout(policy: &RolloutPolicy) -> String {
    let value = |value: String| if value.parse::<u32>().is_ok() { value } else { quoted(&value) };
    let pairs = policy.pairs().into_iter().map(|(key, text)| format!("{key} = {}", value(text)));
    let freeze = |one: &Freeze| {
        format!("{{ name = {}, when = {} }}", quoted(&one.name), quoted(&one.when.to_string()))
    };
    let freezes = policy.freezes.as_ref().map(|all| {
        let freezes: Vec<_> = all.iter().map(freeze).collect();
        format!("freezes = [{}]", freezes.join(", "))
    });
    format!("{{ {} }}", pairs.chain(freezes).collect::<Vec<_>>().join(", "))
}

fn keep(rules: KeepRules) -> String {
    let KeepRules { versions, days, installed_days } = rules;
    format!("{{ versions = {versions}, days = {days}, installed_days = {installed_days} }}")
}

fn versions(versions: Versions) -> String {
    match versions {
        Versions::Newest(count) => count.to_string(),
        Versions::All => quoted("all"),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list<T: std::fmt::Display>(items: &[T]) -> String {
    let items: Vec<_> = items.iter().map(|item| quoted(&item.to_string())).collect();
    format!("[{}]", items.join(", "))
}
