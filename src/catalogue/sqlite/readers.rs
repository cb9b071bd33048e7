//! A few connections that only read. Each answers from one unchanging view, and none waits for
//! the writer.

use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::Connection;

use super::tx::{self, SqliteTx};
use crate::catalogue::sql::{Answer, Tx};

/// Connections, lent one at a time.
pub(super) struct Readers {
    /// The connection that came back last is lent first, so that few are used when there is little
    /// to read.
    idle: Mutex<Vec<Idle>>,
    returned: Condvar,
}

/// A connection that is not lent.
struct Idle {
    connection: Connection,
    /// Whether it was lent since the last call of `rest`.
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

    /// Frees the memory of the connections that were not lent since the last call: pages, and
    /// statements, which are prepared again when they are needed.
    pub(super) fn rest(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        for one in idle.iter_mut() {
            if !std::mem::take(&mut one.lent) {
                one.connection.flush_prepared_statement_cache();
                // Freed pages only have to be read again. If this fails, they stay in memory.
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
        // Dropping the transaction rolls it back, which is a good end for one that only reads.
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
