//! Damage: what was found damaged since the start, and what became of it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tokio::sync::Notify;

use crate::flow::error::Damage;
use crate::flow::threads::lock;

/// What became of something that was damaged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// A repair was not tried yet.
    Found,
    /// It is as it was before.
    Repaired,
    /// What is listed of it is made anew; the text says what is lost.
    Replaced(String),
    /// It could not be repaired; the text says why.
    Lost(String),
}

impl Fate {
    /// Of chunks that were forgotten.
    pub(crate) fn of_forgotten() -> Self {
        Self::Replaced("index files of earlier generations that were made of it are lost".into())
    }

    /// Of a `.deb`: nothing is there to make it anew from.
    pub(crate) fn of_blob() -> Self {
        Self::Lost("upload the same file again; it takes its place".into())
    }
}

/// How many are kept: when a whole disk rots, the first tell enough.
const MOST: usize = 1_000;

/// What was found.
#[derive(Default)]
pub(crate) struct DamageBook {
    found: Mutex<BTreeMap<Damage, Fate>>,
    /// Notified when something is found.
    pub noted: Notify,
}

impl DamageBook {
    /// Notes something for repair. What was repaired may be damaged again. A stanza that could not
    /// be repaired may be, once its `.deb` was sent again.
    pub(crate) fn note(&self, damage: Damage) {
        let mut found = lock(&self.found);
        let is_new = match found.get(&damage) {
            None => found.len() < MOST,
            Some(Fate::Repaired | Fate::Replaced(_)) => true,
            Some(Fate::Lost(_)) => matches!(damage, Damage::Stanza(_)),
            Some(Fate::Found) => false,
        };
        if !is_new {
            return;
        }
        if matches!(damage, Damage::Blob(_)) {
            found.insert(damage, Fate::of_blob());
            return;
        }
        found.insert(damage, Fate::Found);
        self.noted.notify_one();
    }

    /// What waits for a repair.
    pub(crate) fn waiting(&self) -> Vec<Damage> {
        let found = lock(&self.found);
        found.iter().filter(|(_, fate)| **fate == Fate::Found).map(|(one, _)| *one).collect()
    }

    /// Whether it was repaired since the start.
    pub(crate) fn was_repaired(&self, damage: Damage) -> bool {
        let found = lock(&self.found);
        matches!(found.get(&damage), Some(Fate::Repaired | Fate::Replaced(_)))
    }

    /// Notes what became of it.
    pub(crate) fn settle(&self, damage: Damage, fate: Fate) {
        lock(&self.found).insert(damage, fate);
    }

    /// Forgets what is sound again.
    pub(crate) fn forget(&self, damage: Damage) {
        lock(&self.found).remove(&damage);
    }

    /// Everything that was found.
    pub(crate) fn all(&self) -> Vec<(Damage, Fate)> {
        lock(&self.found).iter().map(|(damage, fate)| (*damage, fate.clone())).collect()
    }
}
