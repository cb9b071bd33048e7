//! Sender: sends packages, and reads the server's verdict on each.

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
}

impl Sender<'_, '_, '_> {
    /// `Some` when the server refused this package; every other failure ends the upload.
    pub(super) async fn send_one(
        &self,
        parcel: Parcel,
        sent: &Sent,
    ) -> Result<Option<Refused>, Failure> {
        let Self { client, trial, .. } = self;
        let send = || client.send_blob(&parcel.path, &parcel.digest, parcel.size_bytes, sent);
        judged(&parcel, trial.keep(send).await.map(drop))
    }
}

pub(super) fn judged(
    parcel: &Parcel,
    sent: Result<(), ClientError>,
) -> Result<Option<Refused>, Failure> {
    match sent {
        Ok(()) => Ok(None),
        Err(error) if error.exit() == Exit::Refused => Ok(Some(Refused::when_sent(parcel, &error))),
        Err(error) => Err(error.into()),
    }
}
