//! Check: whether a data directory is what was stored in it, beside a server or without one; and
//! repairs, without one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::beside::{dates, keyring, text};
use super::{DataDirectory, ServerError, open_repository, part};
use crate::catalogue::{SqliteCatalogue, Suites as _};
use crate::config::Config;
use crate::flow::check::found::Stores;
pub use crate::flow::check::found::{Checked, Finding};
use crate::flow::check::stores;
use crate::flow::repair::attempt::{self, listed};
use crate::flow::upkeep::writer;
use crate::flow::{Fate, FlowError, Repository};
use crate::pool::DiskPool;
use crate::signing::DateFloor;
use crate::time::{Clock, Moment};

/// How long to wait until what was made anew is listed.
const PATIENCE: Duration = Duration::from_secs(120);

/// Checks everything, also while a server uses the directory. `progress` is given how many stored
/// files were looked at.
///
/// # Errors
/// [`ServerError`] when something cannot be read at all.
pub fn run(
    config: &Path,
    now: Moment,
    progress: &mut dyn FnMut(u64),
) -> Result<Checked, ServerError> {
    let config = Config::load(config).map_err(part("configuration"))?;
    let data = DataDirectory::beside(&config.data)?;
    let catalogue = SqliteCatalogue::open_reading(&data.catalogue()).map_err(part("catalogue"))?;
    let mut first = Vec::new();
    let integrity = catalogue.integrity().map_err(part("catalogue"))?;
    first.extend(integrity.into_iter().map(|fault| text(format!("the catalogue: {fault}"))));
    first.extend(dates(&catalogue, &data, now)?);
    first.extend(keyring(&config, &data, &catalogue, now));
    let pool = DiskPool::open_reading(&data.pool()).map_err(part("pool"))?;
    let given = Stores { catalogue: &catalogue, pool: &pool, pace: None };
    let mut checked = stores::check(given, progress).map_err(part("check"))?;
    checked.findings.splice(0..0, first);
    Ok(checked)
}

/// What came of a repair.
#[derive(Clone, Default, Debug)]
pub struct Repairs {
    /// What is as it was, or was made anew.
    pub done: Vec<String>,
    /// What is not, and why.
    pub left: Vec<String>,
    /// Whether the suites list what was made anew.
    pub is_listed: bool,
}

impl Repairs {
    fn note(&mut self, finding: &Finding, fates: &[Fate]) {
        let text = &finding.text;
        let lost = fates.iter().find_map(|fate| match fate {
            Fate::Lost(why) => Some(why),
            _ => None,
        });
        let gone = fates.iter().find_map(|fate| match fate {
            Fate::Replaced(gone) => Some(gone),
            _ => None,
        });
        match (lost, gone) {
            _ if fates.is_empty() => self.left.push(text.clone()),
            (Some(why), _) => self.left.push(format!("{text}: {why}")),
            (None, Some(gone)) => self.done.push(format!("{text}: made anew; {gone}")),
            (None, None) => self.done.push(format!("{text}: repaired")),
        }
    }
}

/// Repairs what a check found, in a directory that no server uses.
///
/// # Errors
/// [`ServerError`], also while a server uses the directory; then nothing was changed.
pub async fn repair(
    config: &Path,
    clock: Arc<dyn Clock>,
    findings: &[Finding],
) -> Result<Repairs, ServerError> {
    let config = Config::load(config).map_err(part("configuration"))?;
    let data = DataDirectory::open(&config.data)?;
    restore_dates(&data)?;
    let repository = open_repository(&config, &data, &clock)?;
    let mut repairs = Repairs::default();
    for finding in findings {
        let (shared, finding) = (Arc::clone(&repository), finding.clone());
        let work = move || {
            let fates = fates(&shared, &finding);
            (finding, fates)
        };
        let done = tokio::task::spawn_blocking(work).await.map_err(part("repair"))?;
        let (finding, fates) = done;
        match fates {
            Ok(fates) => repairs.note(&finding, &fates),
            Err(problem) => repairs.left.push(format!("{}: {problem}", finding.text)),
        }
    }
    repairs.is_listed = listed(&repository, PATIENCE).await;
    writer::close_all(&repository).await;
    Ok(repairs)
}

/// Notes the Date of each suite's head where none is noted: nothing later is known.
fn restore_dates(data: &DataDirectory) -> Result<(), ServerError> {
    let catalogue = SqliteCatalogue::open_reading(&data.catalogue()).map_err(part("catalogue"))?;
    let floor = DateFloor::open(data.floor()).map_err(part("date floor"))?;
    for spec in catalogue.list_suites().map_err(part("catalogue"))? {
        let state = catalogue.load_suite(&spec.name).map_err(part("catalogue"))?;
        let noted = floor.read(&spec.name).map_err(part("date floor"))?;
        if let (None, Some(head)) = (noted, state.and_then(|state| state.head)) {
            floor.raise(&spec.name, head.date, head.generation).map_err(part("date floor"))?;
        }
    }
    Ok(())
}

fn fates(repository: &Repository, finding: &Finding) -> Result<Vec<Fate>, FlowError> {
    finding.damage.iter().map(|damage| attempt::repair(repository, *damage)).collect()
}
