//! Sender: sends packages, and reads the server's verdict on each.

use std::sync::{Mutex, PoisonError};

use super::gather::Parcel;
use super::refused::Refused;
use super::trial::Trial;
use crate::api::Exit;
use crate::cli::failure::Failure;
use crate::client::{Client, ClientError, Sent};

/// Sends packages to the server.
pub(super) struct Sender<'s, 't, 'a> {
    pub(super) client: &'s Client,
    pub(super) trial: &'s Trial<'t, 'a>,
    /// Whether files that cannot be read are left out.
    pub(super) keep_going: bool,
    /// What was refused so far. It outlives a failure of what is sent beside it.
    pub(super) refused: Mutex<Vec<Refused>>,
}

impl Sender<'_, '_, '_> {
    /// Sends a package that the server may refuse; every other failure ends the upload.
    pub(super) async fn send_one(&self, parcel: Parcel, sent: &Sent) -> Result<(), Failure> {
        let Self { client, trial, .. } = self;
        let send = || client.send_blob(&parcel.path, &parcel.digest, parcel.size_bytes, sent);
        self.judge(&parcel, trial.keep(send).await.map(drop))
    }

    /// Notes a refusal of the server; every other failure ends the upload.
    pub(super) fn judge(
        &self,
        parcel: &Parcel,
        sent: Result<(), ClientError>,
    ) -> Result<(), Failure> {
        match sent {
            Err(error) if error.exit() == Exit::Refused => {
                self.refuse([Refused::when_sent(parcel, &error)]);
                Ok(())
            }
            sent => sent.map_err(Failure::from),
        }
    }

    /// Notes packages that were refused.
    pub(super) fn refuse(&self, refused: impl IntoIterator<Item = Refused>) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).extend(refused);
    }

    /// What was refused, in the order of the files.
    pub(super) fn into_refused(self) -> Vec<Refused> {
        let mut refused = self.refused.into_inner().unwrap_or_else(PoisonError::into_inner);
        refused.sort_by(|one, other| one.file().cmp(other.file()));
        refused
    }
}
