//! Grants: all rights, and a cache of those of single identities.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::{Entitled, Identity, Rights};

/// Most identities in the cache. Only those that hold rights are cached.
const AT_HAND: usize = 100_000;

/// All rights, and a cache of those of the identities that were asked for since the last change.
#[derive(Default)]
pub(crate) struct Grants {
    rights: Rights,
    at_hand: RwLock<HashMap<Identity, Arc<Entitled>>>,
}

impl Grants {
    /// These rights, with an empty cache.
    pub(crate) fn new(rights: Rights) -> Self {
        Self { rights, at_hand: RwLock::default() }
    }

    /// What an identity holds; `None` when it holds nothing.
    pub(crate) fn of(&self, identity: &Identity) -> Option<Arc<Entitled>> {
        let known = self.at_hand.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entitled) = known.get(identity) {
            return Some(Arc::clone(entitled));
        }
        drop(known);
        let entitled = Arc::new(self.rights.of(identity)?);
        let mut known = self.at_hand.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < AT_HAND {
            known.insert(identity.clone(), Arc::clone(&entitled));
        }
        Some(entitled)
    }

    /// All rights.
    pub(crate) fn rights(&self) -> &Rights {
        &self.rights
    }
}
