//! Sender: sends packages, and reads the server's verdict on each.

use super::gather::Parcel;
use super::trial::Trial;
use crate::api::Exit;
use crate::cli::failure::Failure;
use crate::client::{Client, ClientError, Sent};

/// A package that the server refused, and why.
pub(super) type Rejected = (Parcel, ClientError);

/// Sends packages to the server.
pub(super) struct Sender<'s, 't> {
    pub(super) client: &'s Client,
    pub(super) trial: &'s Trial<'t>,
}

impl Sender<'_, '_> {
    /// `Some` when the server rejected this package; every other failure ends the upload.
    pub(super) async fn send_one(
        &self,
        parcel: Parcel,
        sent: &Sent,
    ) -> Result<Option<Rejected>, Failure> {
        let Self { client, trial } = self;
        let send = || client.send_blob(&parcel.path, &parcel.digest, parcel.size_bytes, sent);
        judged(parcel.clone(), trial.keep(send).await.map(drop))
    }
}

pub(super) fn judged(
    parcel: Parcel,
    sent: Result<(), ClientError>,
) -> Result<Option<Rejected>, Failure> {
    match sent {
        Ok(()) => Ok(None),
        Err(error) if error.exit() == Exit::Refused => Ok(Some((parcel, error))),
        Err(error) => Err(error.into()),
    }
}
