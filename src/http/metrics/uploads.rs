//! Uploads: what became of packages that were sent.

use std::sync::atomic::{AtomicU64, Ordering};

use super::page::{Page, label};
use crate::api::{ChangeOutcome, ItemState, Problem};
use crate::http::answer::Failure;

/// What became of a package.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    /// Hosts see it.
    Published,
    /// It is stored and not offered.
    Waiting,
    /// It was there before.
    Already,
    /// It is not taken, and the sender has to do something about it.
    Refused,
    /// Not now: the server was too busy or the body was cut off, and the same may succeed in a moment.
    PutOff,
    /// The server or its disk failed; the log has a line of it.
    Failed,
}

const FATES: [(Fate, &str); 6] = [
    (Fate::Published, "published"),
    (Fate::Waiting, "waiting"),
    (Fate::Already, "already"),
    (Fate::Refused, "refused"),
    (Fate::PutOff, "put_off"),
    (Fate::Failed, "failed"),
];

impl Fate {
    /// Of a package of a change that was made.
    fn of_item(state: ItemState) -> Self {
        match state {
            ItemState::Published | ItemState::RollingOut => Self::Published,
            ItemState::Waiting | ItemState::Withdrawn => Self::Waiting,
            ItemState::Already => Self::Already,
        }
    }

    /// Of a package whose sending, or whose change, was answered like this.
    fn of_problem(problem: &Problem) -> Self {
        match problem.status {
            _ if problem.is_passing() => Self::PutOff,
            500.. => Self::Failed,
            _ => Self::Refused,
        }
    }
}

/// Packages since the start, by what became of them.
#[derive(Debug, Default)]
pub struct Uploads {
    of: [AtomicU64; FATES.len()],
}

impl Uploads {
    /// Counts the packages of a change that adds them, by its answer.
    ///
    /// # Errors
    /// Those of the answer.
    pub fn note_change(
        &self,
        packages: usize,
        answer: Result<ChangeOutcome, Failure>,
    ) -> Result<ChangeOutcome, Failure> {
        match &answer {
            Ok(outcome) if outcome.dry_run => {}
            Ok(outcome) => {
                outcome.items.iter().for_each(|item| self.note(Fate::of_item(item.state), 1));
            }
            Err(Failure(problem)) => self.note(Fate::of_problem(problem), packages),
        }
        answer
    }

    /// Counts a package that was sent for a later change, if it was not taken.
    ///
    /// # Errors
    /// Those of the answer.
    pub fn note_sent<T>(&self, answer: Result<T, Failure>) -> Result<T, Failure> {
        self.note_problem(answer.as_ref().err().map(|Failure(problem)| &**problem));
        answer
    }

    /// The same, by its problem.
    pub fn note_problem(&self, problem: Option<&Problem>) {
        problem.iter().for_each(|problem| self.note(Fate::of_problem(problem), 1));
    }

    fn note(&self, fate: Fate, packages: usize) {
        let at = FATES.iter().position(|(one, _)| *one == fate);
        if let Some(count) = at.and_then(|at| self.of.get(at)) {
            count.fetch_add(packages as u64, Ordering::Relaxed);
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        let name = "repod_uploads_total";
        page.head(name, "counter", "packages that were sent, by what became of them");
        for ((_, word), count) in FATES.iter().zip(&self.of) {
            page.line(name, &label("outcome", word), count.load(Ordering::Relaxed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Code;

    #[test]
    fn what_may_be_repeated_at_once_is_put_off_and_has_not_failed() {
        let fates = [
            (Code::Timeout, Fate::PutOff),
            (Code::TooManyRequests, Fate::PutOff),
            (Code::Busy, Fate::PutOff),
            (Code::ClockBehind, Fate::Failed),
            (Code::OutOfSpace, Fate::Failed),
            (Code::OutcomeUnknown, Fate::Failed),
            (Code::WritingStopped, Fate::Failed),
            (Code::Internal, Fate::Failed),
            (Code::Rejected, Fate::Refused),
            (Code::VersionConflict, Fate::Refused),
            (Code::Denied, Fate::Refused),
        ];
        for (code, fate) in fates {
            let problem = Problem::new(code, "told");
            assert_eq!(Fate::of_problem(&problem), fate, "{}", code.as_str());
            let uploads = Uploads::default();
            uploads.note_problem(Some(&problem));
            let mut page = Page::default();
            uploads.write(&mut page);
            let word = FATES.iter().find(|(one, _)| *one == fate).unwrap().1;
            let page = page.text();
            assert!(page.contains(&format!("{{outcome=\"{word}\"}} 1\n")), "{page}");
            assert_eq!(page.matches("} 1\n").count(), 1, "{page}");
        }
    }
}
