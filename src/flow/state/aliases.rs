//! Aliases: which suite each alias names at present, as the catalogue has it.

use std::collections::BTreeMap;

use arc_swap::ArcSwap;

use crate::debian::SuiteName;

/// Which suite each alias names.
#[derive(Default)]
pub(crate) struct Aliases(ArcSwap<BTreeMap<SuiteName, SuiteName>>);

impl Aliases {
    /// The suite that has this alias.
    pub(crate) fn holder(&self, alias: &SuiteName) -> Option<SuiteName> {
        self.0.load().get(alias).cloned()
    }

    /// Sets the alias of a suite; `None` removes it. Any other suite loses this alias.
    pub(crate) fn set(&self, suite: &SuiteName, alias: Option<&SuiteName>) {
        if self.0.load().iter().find(|(_, holder)| *holder == suite).map(|(one, _)| one) == alias {
            return;
        }
        self.0.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            all.retain(|_, holder| holder != suite);
            all.extend(alias.map(|alias| (alias.clone(), suite.clone())));
            all
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_names_the_suite_that_got_it_last() {
        let [stable, bookworm, trixie] =
            ["stable", "bookworm", "trixie"].map(|name| name.parse::<SuiteName>().unwrap());
        let aliases = Aliases::default();
        assert_eq!(aliases.holder(&stable), None);
        aliases.set(&bookworm, Some(&stable));
        assert_eq!(aliases.holder(&stable), Some(bookworm.clone()));
        aliases.set(&trixie, Some(&stable));
        assert_eq!(aliases.holder(&stable), Some(trixie.clone()));
        // A late update about the earlier suite takes nothing away.
        aliases.set(&bookworm, None);
        assert_eq!(aliases.holder(&stable), Some(trixie.clone()));
        aliases.set(&trixie, None);
        assert_eq!(aliases.holder(&stable), None);
    }
}
