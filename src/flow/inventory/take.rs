//! A report is taken: it waits for its transaction, and is answered once it is durable.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::catalogue::Verdict;
use crate::domain::inventory::{Contradiction, HostReport, Receipt};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::state::incoming::Waiting;
use crate::flow::threads::blocking;

/// Between two transactions with reports, so that publishing comes in between.
const PAUSE: Duration = Duration::from_millis(100);

/// Records a report. The answer comes when it is durable.
///
/// # Errors
/// [`FlowError::Invalid`] when it contradicts itself; [`FlowError::Unavailable`] when too many wait; [`FlowError`]
/// from the catalogue.
pub async fn take(repository: &Arc<Repository>, report: HostReport) -> Result<Receipt, FlowError> {
    if !report.is_consistent() {
        return Err(contradicts(Contradiction));
    }
    let (reply, receipt) = oneshot::channel();
    if repository.incoming.push(Waiting { report, reply })? {
        tokio::spawn(record_waiting(Arc::clone(repository)));
    }
    let stopped = |_| FlowError::Unavailable("the server stops; send it again".into());
    receipt.await.map_err(stopped)??.map_err(contradicts)
}

fn contradicts(problem: Contradiction) -> FlowError {
    FlowError::Invalid { field: "hash", problem: problem.to_string() }
}

/// Records what waits until nothing does.
async fn record_waiting(repository: Arc<Repository>) {
    loop {
        let taken = repository.incoming.take();
        if taken.is_empty() {
            return;
        }
        let shared = Arc::clone(&repository);
        let (reports, replies): (Vec<_>, Vec<_>) =
            taken.into_iter().map(|one| (one.report, one.reply)).unzip();
        let recorded = blocking(move || Ok(shared.catalogue.record_reports(reports))).await;
        let receipts: Vec<Result<Verdict, FlowError>> = match recorded {
            Ok(Ok(receipts)) => receipts.into_iter().map(Ok).collect(),
            Ok(Err(error)) => replies.iter().map(|_| Err(error.clone().into())).collect(),
            Err(_) => Vec::new(),
        };
        // Whoever is gone meanwhile sends it again, and is told that it is there.
        for (reply, receipt) in replies.into_iter().zip(receipts) {
            let _gone = reply.send(receipt);
        }
        repository.reported.notify_one();
        tokio::time::sleep(PAUSE).await;
    }
}
