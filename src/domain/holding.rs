//! Holding: whether a suite is held, and what came while it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::debian::Component;
use crate::digest::Digest;
use crate::domain::{Identity, Package};
use crate::time::Moment;

/// While it is in force, a suite offers nothing that it did not list when it began.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    /// Who held it.
    pub author: Identity,
    /// Why; empty when they did not say.
    pub message: String,
    /// Since when.
    pub at: Moment,
}

impl Hold {
    /// Since when, by whom and why, for people.
    pub fn told(&self) -> String {
        let why = if self.message.is_empty() { "" } else { ": " };
        format!("since {}, by {}{why}{}", self.at, self.author, self.message)
    }
}

/// What becomes of a hold. What was held back before is not held back any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HoldEdit {
    /// The suite is held.
    Begin(Hold),
    /// It is held no more.
    End,
}

/// A package in a component.
pub type Came = (Component, Digest);

/// What came while a suite was held.
pub type HeldBack = BTreeMap<Came, Arc<Package>>;

/// The hold of a suite under change.
#[derive(Clone, Default)]
pub struct Holding {
    before: Option<Hold>,
    hold: Option<Hold>,
    /// Whether the hold of before was ended, even if there is one now.
    ended: bool,
    back: Arc<HeldBack>,
    new: HeldBack,
}

impl Holding {
    /// A suite as it is, with what came since it is held.
    pub fn new(hold: Option<&Hold>, back: &Arc<HeldBack>) -> Self {
        let (before, hold) = (hold.cloned(), hold.cloned());
        Self { before, hold, back: Arc::clone(back), ..Self::default() }
    }

    /// The hold in force.
    pub fn hold(&self) -> Option<&Hold> {
        self.hold.as_ref()
    }

    /// Holds the suite.
    pub fn begin(&mut self, hold: Hold) {
        self.hold = Some(hold);
    }

    /// Ends the hold; gives what was held back.
    pub fn end(&mut self) -> HeldBack {
        self.ended |= self.before.is_some();
        self.hold = None;
        let mut back = (*std::mem::take(&mut self.back)).clone();
        back.append(&mut self.new);
        back
    }

    /// Notes a package that came while the suite is held.
    pub fn keep(&mut self, component: &Component, package: &Arc<Package>) {
        let came = (component.clone(), package.digest);
        if !self.back.contains_key(&came) {
            self.new.insert(came, Arc::clone(package));
        }
    }

    /// Whether a package is held back.
    pub fn has(&self, came: &Came) -> bool {
        self.back.contains_key(came) || self.new.contains_key(came)
    }

    /// What is held back.
    pub fn back(&self) -> impl Iterator<Item = &Arc<Package>> {
        self.back.values().chain(self.new.values())
    }

    /// What becomes of the hold; `None` when it stays as it was.
    pub fn edit(&self) -> Option<HoldEdit> {
        match &self.hold {
            Some(hold) if self.ended || self.before.is_none() => {
                Some(HoldEdit::Begin(hold.clone()))
            }
            None if self.before.is_some() => Some(HoldEdit::End),
            Some(_) | None => None,
        }
    }

    /// What is held back in addition to what was before.
    pub fn added(&self) -> &HeldBack {
        &self.new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(message: &str) -> Hold {
        Hold { author: Identity::server(), message: message.into(), at: Moment(1) }
    }

    #[test]
    fn an_edit_says_what_became_of_the_hold() {
        let back = Arc::default();
        let mut free = Holding::new(None, &back);
        assert_eq!(free.edit(), None);
        free.begin(hold("a"));
        assert_eq!(free.edit(), Some(HoldEdit::Begin(hold("a"))));
        free.end();
        assert_eq!(free.edit(), None, "begun and ended in one change");
        let mut held = Holding::new(Some(&hold("a")), &back);
        assert_eq!(held.edit(), None);
        held.end();
        assert_eq!(held.edit(), Some(HoldEdit::End));
        held.begin(hold("a"));
        assert_eq!(held.edit(), Some(HoldEdit::Begin(hold("a"))), "what was held back is released");
    }

    #[test]
    fn a_hold_is_told_with_its_reason() {
        assert_eq!(hold("").told(), "since 1970-01-01 00:00:01Z, by repod");
        assert_eq!(hold("broken db").told(), "since 1970-01-01 00:00:01Z, by repod: broken db");
    }
}
