//! Refused: packages that were refused, each with its file and every reason.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::Serialize;

use super::gather::Parcel;
use crate::api::Problem;
use crate::cli::failure::{Failure, reason_line, reasons_of};
use crate::cli::text::count;
use crate::client::ClientError;
use crate::digest::Digest;

/// A package that was refused.
#[derive(Clone, Serialize)]
pub(super) struct Refused {
    /// Its path on this machine.
    file: String,
    /// Its SHA-256, unless it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    /// The server's problem code, when the server refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    reasons: Vec<String>,
    /// Whether another package of this upload is all that stands against it.
    #[serde(skip)]
    only_beside: bool,
}

impl Refused {
    /// A package that was refused when it was sent.
    pub(super) fn when_sent(parcel: &Parcel, error: &ClientError) -> Self {
        let (code, reasons) = match error {
            ClientError::Problem { problem, .. } => {
                let found = reasons_of(problem);
                let reasons = if found.is_empty() { vec![error.to_string()] } else { found };
                (Some(problem.code.clone()), reasons)
            }
            ClientError::File { cause, .. } => (None, vec![cause.to_string()]),
            other => (None, vec![other.to_string()]),
        };
        let file = parcel.path.display().to_string();
        Self { file, digest: Some(parcel.digest), code, reasons, only_beside: false }
    }

    /// Whether it is refused even without the other packages of this upload.
    pub(super) fn by_itself(&self) -> bool {
        !self.only_beside
    }

    /// Its path on this machine.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// A file that this machine could not read.
    pub(super) fn unread(path: &Path, failure: &Failure) -> Self {
        let file = path.display().to_string();
        let reason = failure.message.strip_prefix(&format!("{file}: ")).unwrap_or(&failure.message);
        let reasons = vec![reason.to_owned()];
        Self { reasons, file, digest: None, code: None, only_beside: false }
    }
}

/// The packages that a change was refused for; `None` when a reason is about none of them.
pub(super) fn of_change(problem: &Problem, parcels: &[Parcel]) -> Option<Vec<Refused>> {
    let files: HashMap<Digest, String> =
        parcels.iter().map(|one| (one.digest, one.path.display().to_string())).collect();
    let mut refused: BTreeMap<&str, Refused> = BTreeMap::new();
    for reason in &problem.reasons {
        let (digest, file) =
            reason.digest.and_then(|digest| Some((digest, files.get(&digest)?)))?;
        let other = reason.against.and_then(|against| files.get(&against));
        let other = other.map(|other| format!(" (the other one is {other})")).unwrap_or_default();
        let (code, reasons) = (Some(problem.code.clone()), Vec::new());
        let (digest, only_beside) = (Some(digest), true);
        let new = || Refused { file: file.clone(), digest, code, reasons, only_beside };
        let one = refused.entry(file).or_insert_with(new);
        one.only_beside &= !other.is_empty();
        one.reasons.push(format!("{}{other}", reason_line(reason)));
    }
    Some(refused.into_values().collect()).filter(|refused: &Vec<_>| !refused.is_empty())
}

/// What became of the packages that were not refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// None was taken.
    Left,
    /// They were taken.
    Taken,
    /// It was only tried out.
    Tried,
}

/// All packages that were refused, each once, in the order of their files.
#[derive(Default)]
pub(super) struct Refusals {
    list: Vec<Refused>,
    seen: HashSet<Digest>,
}

impl Refusals {
    pub(super) fn extend(&mut self, refused: impl IntoIterator<Item = Refused>) {
        for one in refused {
            if one.digest.is_none_or(|digest| self.seen.insert(digest)) {
                self.list.push(one);
            }
        }
        self.list.sort_by(|one, other| one.file.cmp(&other.file));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn list(&self) -> &[Refused] {
        &self.list
    }

    pub(super) fn contains(&self, digest: &Digest) -> bool {
        self.seen.contains(digest)
    }

    /// The failure of an upload with `accepted` other packages.
    pub(super) fn failure(&self, accepted: usize, others: Others) -> Failure {
        let all = count(self.list.len().saturating_add(accepted), "package");
        let rest = match others {
            _ if accepted == 0 => "nothing was published",
            Others::Left => "nothing was published",
            Others::Taken => "the others were taken",
            Others::Tried => "the others would be taken",
        };
        let message = format!("{} of {all} refused; {rest}", self.list.len());
        let mut failure = Failure::refused(message).with_reasons(self.lines());
        failure.code = self.list.iter().find_map(|one| one.code.clone());
        failure
    }

    /// The failure that ended the upload, with what was refused until then unless it tells that itself.
    pub(super) fn beside(&self, mut failure: Failure) -> Failure {
        let lines = self.lines();
        if lines.iter().all(|line| failure.reasons.contains(line)) {
            return failure;
        }
        let refused = count(self.list.len(), "package");
        failure.message = format!("{}; before that, {refused} refused", failure.message);
        failure.reasons.extend(lines);
        failure
    }

    /// Every reason, with its file.
    fn lines(&self) -> Vec<String> {
        let line = |one: &Refused| -> Vec<String> {
            one.reasons.iter().map(|reason| format!("{}: {reason}", one.file)).collect()
        };
        self.list.iter().flat_map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Code, Reason};

    #[test]
    fn what_only_another_package_of_the_upload_stands_against_is_told_apart() {
        let parcel = |name: &str| Parcel {
            path: name.into(),
            digest: Digest::of(name.as_bytes()),
            size_bytes: 1,
        };
        let parcels = ["a.deb", "b.deb", "c.deb"].map(parcel);
        let reason = |of: usize, against: Option<Digest>| {
            let digest = Some(parcels[of].digest);
            Reason { digest, against, ..Reason::of("acme", "is at odds") }
        };
        let mut problem = Problem::new(Code::VersionConflict, "refused");
        problem.reasons = vec![
            reason(0, None),
            reason(1, Some(parcels[0].digest)),
            reason(1, Some(Digest::of(b"stored"))),
            reason(2, Some(parcels[0].digest)),
        ];
        let found = of_change(&problem, &parcels).unwrap();
        let alone: Vec<_> = found.iter().map(|one| (one.file(), one.by_itself())).collect();
        assert_eq!(alone, [("a.deb", true), ("b.deb", true), ("c.deb", false)]);
        problem.reasons.push(Reason::of("stable", "is frozen"));
        assert!(of_change(&problem, &parcels).is_none());
    }
}
