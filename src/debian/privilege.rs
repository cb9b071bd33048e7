//! Privileges: fields by which a package affects hosts whose people did not ask for it.
//!
//! Source: apt, `pkgDepCache` and `EDsp` (algorithms.cc, upgrade.cc): `dist-upgrade` installs
//! Essential packages on every host that reads them; deb-control(5) for Protected and Important;
//! apt's `PhasedUpgrader`. Shown by the test
//! `what_reaches_every_host_is_taken_only_where_an_operator_allows_it`.

use std::fmt;
use std::str::FromStr;

use super::stanza::Stanza;

/// What a package may be allowed to do to hosts.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Privilege {
    /// `Essential: yes`
    Essential,
    /// `Protected: yes` or `Important: yes`
    Protected,
    /// `Phased-Update-Percentage`
    PhasedUpdates,
}

impl Privilege {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Essential, Self::Protected, Self::PhasedUpdates];

    /// Its name, as operators write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Essential => "essential",
            Self::Protected => "protected",
            Self::PhasedUpdates => "phased-updates",
        }
    }

    /// Its effect on hosts, for people.
    pub fn effect(self) -> &'static str {
        match self {
            Self::Essential => {
                "is Essential: every host of the suite installs it at its next dist-upgrade"
            }
            Self::Protected => "is Protected or Important: hosts that have it refuse to remove it",
            Self::PhasedUpdates => {
                "has a Phased-Update-Percentage: a part of the hosts does not get it by an upgrade"
            }
        }
    }

    /// The privileges in a control file.
    pub fn of(stanza: &Stanza) -> Vec<Self> {
        let find = |name: &str| stanza.find(name);
        let says_yes = |name: &str| find(name) == Some("yes");
        let has = |one: &Self| match one {
            Self::Essential => says_yes("Essential"),
            Self::Protected => says_yes("Protected") || says_yes("Important"),
            Self::PhasedUpdates => find("Phased-Update-Percentage").is_some(),
        };
        Self::ALL.into_iter().filter(has).collect()
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no privilege.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a privilege is 'essential', 'protected' or 'phased-updates'")]
pub struct PrivilegeError;

impl FromStr for Privilege {
    type Err = PrivilegeError;

    fn from_str(text: &str) -> Result<Self, PrivilegeError> {
        Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or(PrivilegeError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::Control;

    #[test]
    fn privileges_are_seen_in_any_spelling() {
        use Privilege::{Essential, PhasedUpdates, Protected};
        for (more, found) in [
            ("Essential: Yes\n", vec![Essential]),
            ("essential: YES\nphased-update-percentage: 10\n", vec![Essential, PhasedUpdates]),
            ("Protected: yes\n", vec![Protected]),
            ("Important: yes\nProtected: no\n", vec![Protected]),
            ("Essential: No\nX-Essential: yes\nEssentials: yes\n", vec![]),
            ("Essential:\n", vec![]),
        ] {
            let text = format!(
                "Package: acme\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@example.org>\n{more}\
                 Description: x\n Essential: yes\n"
            );
            let control = Control::parse(text.as_bytes()).unwrap();
            assert_eq!(Privilege::of(control.stanza()), found, "{more}");
        }
        for one in Privilege::ALL {
            assert_eq!(one.as_str().parse(), Ok(one));
        }
        assert!("all".parse::<Privilege>().is_err());
    }
}
