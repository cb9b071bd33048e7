//! Whether the hosts of a group have the same installed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::inventory::{
    Difference, FactDifference, Holding, Installed, Marks, differences, fact_differences,
};
use crate::domain::{Admitted, GroupName, Identity};
use crate::flow::error::FlowError;
use crate::flow::inventory::hosts::{managed, packages_of, reports_of, retain_group};
use crate::flow::report::reports::reading;
use crate::flow::repository::Repository;

/// What differs in a group.
#[derive(Clone, Debug)]
pub struct Drift {
    /// How many hosts were compared.
    pub compared: usize,
    /// The hosts that have never reported.
    pub unreported: Vec<Identity>,
    /// What differs.
    pub differences: Vec<Difference>,
    /// What differs beside packages.
    pub facts: Vec<FactDifference>,
    /// The hosts that hold packages back.
    pub held: Vec<(Identity, Vec<(Installed, Marks)>)>,
}

/// What differs among the hosts of a group that `admitted` manages.
///
/// # Errors
/// [`FlowError::Missing`] for a group that the asker has no hosts of; [`FlowError`] from the catalogue.
pub async fn drift(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    group: GroupName,
    all: bool,
) -> Result<Drift, FlowError> {
    let admitted = admitted.clone();
    reading(repository, move |shared| {
        let mut hosts = managed(shared, &admitted, all)?;
        retain_group(shared, &mut hosts, &group)?;
        let mut facts = BTreeMap::new();
        let lists = reports_of(shared, &hosts, |report| {
            facts.insert(report.host, report.facts);
            report.packages
        })?;
        let mut counts = HashMap::<u64, usize>::new();
        for (id, _) in lists.values().flatten() {
            let count = counts.entry(*id).or_default();
            *count = count.saturating_add(1);
        }
        // What every host has alike is no difference, and nearly everything is that.
        let differs = |id: &u64| counts.get(id).is_some_and(|count| *count < lists.len());
        let wanted = lists.values().flatten().filter(|(id, marks)| marks.held || differs(id));
        let named = packages_of(shared, wanted.map(|(id, _)| *id).collect())?;
        let (mut holdings, mut held) = (Vec::new(), Vec::new());
        for (host, list) in &lists {
            let of_host = list.iter().filter_map(|(id, marks)| Some((id, named.get(id)?, marks)));
            let mut holds = Vec::new();
            for (id, package, marks) in of_host {
                if differs(id) {
                    holdings.push(Holding { host: host.clone(), package: package.clone() });
                }
                if marks.held {
                    holds.push((package.clone(), *marks));
                }
            }
            if !holds.is_empty() {
                held.push((host.clone(), holds));
            }
        }
        held.sort_by(|(a, _), (b, _)| a.cmp(b));
        let compared: BTreeSet<_> = lists.keys().cloned().collect();
        let silent = hosts.into_iter().map(|host| host.identity);
        Ok(Drift {
            unreported: silent.filter(|host| !compared.contains(host)).collect(),
            compared: compared.len(),
            differences: differences(&compared, holdings),
            facts: fact_differences(&facts),
            held,
        })
    })
    .await
}
