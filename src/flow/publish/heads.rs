//! Heads: what a suite serves everybody and its rings is signed, with one Date.

use crate::domain::{Head, IndexFile, RingFiles, RingHead, SuiteSpec};
use crate::flow::error::FlowError;
use crate::flow::publish::release::{proven_text, release_text};
use crate::flow::publish::rings;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::signing::ReleaseDate;

/// The files of the rings that are served something else than a head.
pub(crate) fn files_of_rings(
    repository: &Repository,
    desk: &Desk,
    head: &Head,
) -> Result<Vec<RingFiles>, FlowError> {
    match head.rings.is_empty() {
        true => Ok(Vec::new()),
        false => Ok(repository.catalogue.list_ring_indices(&desk.suite, head.generation)?),
    }
}

/// Signs a head that lists these files, and what the rings are served that are offered something else. All have one
/// Date: a host that moves from one ring to another would ignore an earlier one.
pub(crate) fn sign(
    repository: &Repository,
    spec: &SuiteSpec,
    generation: u64,
    date: ReleaseDate,
    (files, rings): (&[IndexFile], &[RingFiles]),
) -> Result<Head, FlowError> {
    let at = date.moment();
    let valid_until = at.plus(spec.valid_seconds);
    let text = |files: &[IndexFile]| proven_text(&release_text(spec, at, Some(valid_until), files));
    let mut texts = vec![text(files)?];
    for (_, own) in rings {
        texts.push(text(&rings::listed(own, files))?);
    }
    let signed = repository.signer.sign_all(date.of_generation(generation), &texts)?;
    let mut signed = signed.into_iter();
    let lost = || FlowError::Internal("a signed text is lost".into());
    let all = signed.next().ok_or_else(lost)?;
    let rings = rings.iter().zip(signed).map(|((ring, _), signed)| RingHead {
        ring: *ring,
        release: signed.release().to_string(),
        release_gpg: signed.release_gpg().to_string(),
        in_release: signed.in_release().to_string(),
    });
    Ok(Head {
        generation,
        date: at,
        valid_until,
        release: all.release().to_string(),
        release_gpg: all.release_gpg().to_string(),
        in_release: all.in_release().to_string(),
        rings: rings.collect(),
    })
}
