//! A few connections that only read. Each answers from one unchanging view, and none waits for
//! the writer.

use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::Connection;

use super::tx::{self, SqliteTx};
use crate::catalogue::sql::{Answer, Tx};

/// Connections, lent one at a time.
pub(super) struct Readers {
    /// The last one that was given back is lent first, so that few are used when little is asked.
    idle: Mutex<Vec<Idle>>,
    returned: Condvar,
}

/// A connection that nobody has.
struct Idle {
    connection: Connection,
    /// Whether it was lent since somebody last looked.
    lent: bool,
}

/// A connection that goes back when it is dropped.
struct Lent<'r> {
    readers: &'r Readers,
    connection: Option<Connection>,
}

impl Readers {
    pub(super) fn new(connections: Vec<Connection>) -> Self {
        let idle = connections.into_iter().map(|connection| Idle { connection, lent: false });
        Self { idle: Mutex::new(idle.collect()), returned: Condvar::new() }
    }

    /// Takes the memory of those back that were not lent since this was called last: pages, and statements
    /// that are prepared again when they are needed.
    pub(super) fn rest(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        for one in idle.iter_mut() {
            if !std::mem::take(&mut one.lent) {
                one.connection.flush_prepared_statement_cache();
                // It only costs reading pages again; should it fail, they stay.
                let _ = one.connection.execute_batch("PRAGMA shrink_memory");
            }
        }
    }

    /// Runs `body` in a transaction of its own, waiting for a connection if all are lent.
    pub(super) fn read<T>(&self, body: impl FnOnce(&mut dyn Tx) -> Answer<T>) -> Answer<T> {
        let lent = self.lend();
        let Some(connection) = &lent.connection else {
            return Err(crate::catalogue::CatalogueError::Database("no connection".into()));
        };
        // Dropping it rolls back, which ends a reading transaction as well as anything.
        let transaction = connection.unchecked_transaction().map_err(tx::error)?;
        body(&mut SqliteTx::new(&transaction))
    }

    fn lend(&self) -> Lent<'_> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(Idle { connection, .. }) = idle.pop() {
                return Lent { readers: self, connection: Some(connection) };
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut idle = self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = self.connection.take();
        idle.extend(connection.map(|connection| Idle { connection, lent: true }));
        drop(idle);
        self.readers.returned.notify_one();
    }
}
