//! Threads: runs blocking work off the async threads, and the same work for many items on every
//! core.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::flow::error::FlowError;

/// Runs `work` for each item, on every core. The results are in the order of the items.
pub(crate) fn on_every_core<A: Sync, B: Send>(
    things: &[A],
    work: impl Fn(&A) -> Result<B, FlowError> + Sync,
) -> Result<Vec<B>, FlowError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(things.len());
    if threads <= 1 {
        return things.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let span = tracing::Span::current();
    let share = || {
        let _within = span.enter();
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(thing) = things.get(at) else { return done };
            done.push((at, work(thing)));
        }
    };
    let parts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(share)).collect();
        let stopped = |_| FlowError::Internal("a thread of many stopped".into());
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| worker.join().map_err(stopped);
        workers.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    let mut done: Vec<(usize, Result<B, FlowError>)> = parts.into_iter().flatten().collect();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Runs blocking work off the async threads. A panic in it becomes an error and ends nothing else.
/// Its log lines have the id of the request that it belongs to.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FlowError> + Send + 'static,
) -> Result<T, FlowError> {
    let span = tracing::Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(work)).await {
        Ok(result) => result,
        Err(error) => Err(FlowError::internal("a worker stopped")(error)),
    }
}

/// Locks a mutex, also after a panic of a thread that held it.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
