//! Told: what was not carried out is a line of the server's own log, with the id of its request, so
//! that whoever is told the id finds it there. Whoever has no good certificate cannot fill the log.

use std::time::Instant;

use axum::http::StatusCode;
use axum::response::Response;

use crate::api::{BlobOutcome, Problem};
use crate::domain::{Event, Identity};
use crate::http::App;
use crate::http::answer::Refused;
use crate::http::refused::Asked;

/// Writes the line of a request that failed or was refused; `refusal` is its entry of the audit log.
pub fn write(app: &App, asked: Asked<'_>, response: &Response, refusal: Option<&Event>) {
    let Some(refused) = response.extensions().get::<Refused>() else { return };
    let status = response.status();
    // A failure of the server was written where it became an answer.
    let is_due = match status {
        StatusCode::INTERNAL_SERVER_ERROR => false,
        status => status.is_server_error() || refusal.is_some(),
    };
    if !is_due {
        return;
    }
    let known = asked.identity(app);
    let who = known.as_deref().unwrap_or("somebody");
    let (method, path, status_code) = (asked.method(), asked.path(), status.as_u16());
    let (code, detail) = (refused.code.as_str(), refused.detail.as_str());
    let line = || match status.is_server_error() {
        true => tracing::warn!(who, method, path, status = status_code, code, detail, "failed"),
        false => tracing::info!(who, method, path, status = status_code, code, detail, "refused"),
    };
    match asked.address().filter(|_| known.is_none() || asked.reads()) {
        Some(address) => app.metrics.spare(address, Instant::now(), line),
        None => line(),
    }
}

/// Writes the line of a batch some of whose packages failed for a reason of the server: their request is
/// answered with success. What is a fault of the program was written where it became an answer.
pub fn write_batch(who: &Identity, blobs: &[BlobOutcome]) {
    let failed = |problem: &&Problem| problem.status > 500 && !problem.is_passing();
    let problems = || blobs.iter().filter_map(|blob| blob.problem.as_ref()).filter(failed);
    if let Some(first) = problems().next() {
        let (packages, code, detail) = (problems().count(), &*first.code, &*first.detail);
        tracing::warn!(%who, packages, code, detail, "packages of a batch failed");
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::api::Code;
    use crate::digest::Digest;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            io::Write::write(&mut *self.0.lock().unwrap(), bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(codes: &[Option<Code>]) -> String {
        let (log, who) = (Log::default(), "ci".parse::<Identity>().unwrap());
        let blob = |code: &Option<Code>| BlobOutcome {
            digest: Digest::of(b"package"),
            problem: code.map(|code| Problem::new(code, "the disk is nearly full")),
        };
        let blobs: Vec<_> = codes.iter().map(blob).collect();
        let to = log.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || to.clone());
        tracing::subscriber::with_default(lines.finish(), || write_batch(&who, &blobs));
        String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn packages_of_a_batch_that_fail_have_one_line() {
        assert_eq!(told(&[None, Some(Code::Rejected), Some(Code::Busy), Some(Code::Internal)]), "");
        let line = told(&[None, Some(Code::OutOfSpace), Some(Code::OutOfSpace)]);
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.contains("failed who=ci packages=2 code=\"out-of-space\""), "{line}");
    }
}
