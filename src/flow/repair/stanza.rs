//! Stanza: the stanza of a package is read from its `.deb` again.

use std::io::{Read, Seek, SeekFrom};

use crate::digest::Digest;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::state::damage::Fate;
use crate::flow::upload::recognise::recognise;
use crate::pool::{Kind, Opened};

/// Makes the stanza of a package anew.
///
/// # Errors
/// [`FlowError`] from the stores.
pub(super) fn repair(repository: &Repository, package: &Digest) -> Result<Fate, FlowError> {
    let record = repository.catalogue.find_packages(&[*package])?.pop();
    let Some(record) = record else { return Ok(Fate::Lost("there is no such package".into())) };
    let size_bytes = record.package.size_bytes;
    let lost = || Fate::Lost("its .deb is lost or damaged, too; upload the file again".into());
    let opened = match repository.pool.open(Kind::Blob, package).map_err(FlowError::from) {
        Ok(Some(opened)) => opened,
        Ok(None) | Err(FlowError::Damaged(..)) => return Ok(lost()),
        Err(problem) => return Err(problem),
    };
    let read: Box<dyn Read> = match opened {
        Opened::File { mut file, offset, size_bytes } => {
            file.seek(SeekFrom::Start(offset)).map_err(FlowError::internal("read a package"))?;
            Box::new(file.take(size_bytes))
        }
        Opened::Memory(bytes) => Box::new(std::io::Cursor::new(bytes)),
    };
    let recognised = match recognise(repository, None, read) {
        Ok(recognised) => recognised,
        Err(FlowError::Rejection(_)) => {
            return Ok(Fate::Lost("this build refuses its .deb; upload a new version".into()));
        }
        Err(problem) => return Err(problem),
    };
    let stanza = recognised.describe(*package, size_bytes).stanza;
    if Digest::of(stanza.as_bytes()) != record.package.stanza_digest {
        // An earlier build wrote stanzas otherwise.
        let text = "this build writes the stanza otherwise; upload a new version of the package";
        return Ok(Fate::Lost(text.into()));
    }
    repository.catalogue.repair_stanza(package, &stanza)?;
    Ok(Fate::Repaired)
}
