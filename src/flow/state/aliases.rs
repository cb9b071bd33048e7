//! Aliases: which suite each second name is for now, as the catalogue has it.

use std::collections::BTreeMap;

use arc_swap::ArcSwap;

use crate::debian::SuiteName;

/// Which suite each alias is for.
#[derive(Default)]
pub(crate) struct Aliases(ArcSwap<BTreeMap<SuiteName, SuiteName>>);

impl Aliases {
    /// The suite that has this alias.
    pub(crate) fn holder(&self, alias: &SuiteName) -> Option<SuiteName> {
        self.0.load().get(alias).cloned()
    }

    /// From now on this is the alias of the suite, and no other suite's.
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
    fn an_alias_is_for_the_suite_that_had_it_last() {
        let [stable, bookworm, trixie] =
            ["stable", "bookworm", "trixie"].map(|name| name.parse::<SuiteName>().unwrap());
        let aliases = Aliases::default();
        assert_eq!(aliases.holder(&stable), None);
        aliases.set(&bookworm, Some(&stable));
        assert_eq!(aliases.holder(&stable), Some(bookworm.clone()));
        aliases.set(&trixie, Some(&stable));
        assert_eq!(aliases.holder(&stable), Some(trixie.clone()));
        // What is heard late of who had it takes nothing away.
        aliases.set(&bookworm, None);
        assert_eq!(aliases.holder(&stable), Some(trixie.clone()));
        aliases.set(&trixie, None);
        assert_eq!(aliases.holder(&stable), None);
    }
}
