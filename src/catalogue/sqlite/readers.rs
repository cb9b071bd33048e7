//! A few connections that only read. Each answers from one unchanging view, and none waits for
//! the writer.

use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::Connection;

use super::tx::{self, SqliteTx};
use crate::catalogue::sql::{Answer, Tx};

/// Connections, lent one at a time.
pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
}

/// A connection that goes back when it is dropped.
struct Lent<'r> {
    readers: &'r Readers,
    connection: Option<Connection>,
}

impl Readers {
    pub(super) fn new(connections: Vec<Connection>) -> Self {
        Self { idle: Mutex::new(connections), returned: Condvar::new() }
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
            if let Some(connection) = idle.pop() {
                return Lent { readers: self, connection: Some(connection) };
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut idle = self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
        drop(idle);
        self.readers.returned.notify_one();
    }
}
