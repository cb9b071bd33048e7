//! Watch: certificate files and list files that others write are read again when they change, and
//! the log says when the gate closes and when it opens.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tracing::{error, info, warn};

use super::certificate::{load_identity, tell_of_name, tls_config};
use super::steady::ClockSeen;
use super::{DataDirectory, part};
use crate::config::Config;
use crate::flow::access::anchors;
use crate::flow::report::writing;
use crate::flow::{Mishap, Repository};
use crate::reserve::Reserve;
use crate::trust::{Refusal, ServerIdentity, TrustError, TrustFiles};

/// The files of trust: those in the configuration, else those of the embedded CA.
pub(super) fn trust_files(
    config: &Config,
    data: &DataDirectory,
    reserve: &Arc<Reserve>,
) -> TrustFiles {
    let trust = &config.trust;
    let grace_seconds = i64::from(trust.grace_seconds);
    let reserve = Arc::clone(reserve);
    if !trust.is_external() {
        return TrustFiles { grace_seconds, reserve, ..TrustFiles::of_directory(&data.ca()) };
    }
    TrustFiles {
        anchors: trust.anchors.clone(),
        intermediates: trust.intermediates.clone(),
        crls: trust.crls.clone(),
        delivered: Some(data.trust().join("delivered")),
        floor: data.trust().join("crl.floor"),
        grace_seconds,
        reserve,
    }
}

/// What was logged last, so that everything is logged once.
#[derive(Default)]
pub(super) struct Seen {
    tls: Option<String>,
    gate: Option<&'static str>,
    waning: bool,
    other_lists: usize,
    clock: ClockSeen,
}

impl Seen {
    /// What a server is about to load: a change from here on is noticed.
    pub(super) fn of(config: &Config) -> Self {
        let tls = &config.tls;
        let stamp = || ServerIdentity::stamp(&tls.certificate, &tls.key);
        Self { tls: tls.is_external().then(stamp), ..Self::default() }
    }
}

/// Watches the certificates and lists of a server.
pub(super) struct Watch {
    pub(super) config: Config,
    pub(super) data: DataDirectory,
    pub(super) repository: Arc<Repository>,
    pub(super) tls: Arc<ArcSwap<rustls::ServerConfig>>,
    pub(super) certificate_not_after: Arc<AtomicI64>,
    pub(super) seen: Mutex<Seen>,
}

impl Watch {
    /// Checks every file that others may have changed. It blocks, so it runs off the async threads.
    pub(super) fn look(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.repository.now();
        self.repository.trust.reserve().refill();
        if let Some(read) = self.repository.trust.look(now) {
            self.take_trust(read);
        }
        anchors::tell(&self.repository);
        if self.config.tls.is_external() {
            let tls = &self.config.tls;
            let stamp = ServerIdentity::stamp(&tls.certificate, &tls.key);
            if seen.tls.replace(stamp.clone()).is_some_and(|old| old != stamp) {
                self.take_certificate();
            }
        }
        tell_gate(&self.repository, &mut seen);
        tell_other_lists(&self.repository, &mut seen);
        seen.clock.look(&self.repository);
        writing::try_again(&self.repository);
    }

    /// Reads CAs and revocation lists again, whether their files changed or not.
    pub(super) fn reload_trust(&self) {
        let read = self.repository.trust.reload(self.repository.now());
        if let Ok(changed) = read {
            info!(changed, "certificates and revocation list reloaded");
        }
        self.take_trust(read);
        anchors::tell(&self.repository);
    }

    fn take_trust(&self, read: Result<bool, TrustError>) {
        // Lists have warnings of their own.
        let of_lists = self.repository.trust.current().crl_fault().map(ToString::to_string);
        let mishap = read.as_ref().err().map(ToString::to_string);
        let mishap = mishap.filter(|problem| Some(problem) != of_lists.as_ref());
        let is_of_lists = mishap.is_none();
        self.repository.mishaps.note(Mishap::Trust, mishap);
        match read {
            Ok(true) => info!("certificates of CAs and revocation lists read again"),
            Ok(false) => {}
            Err(problem) if is_of_lists => {
                error!(%problem, "not every revocation list was taken; the old one of its CA stays in use until it ends");
            }
            Err(problem) => {
                error!(%problem, "not every CA was taken; the old ones stay in use until they end");
            }
        }
    }

    /// Reads the server's certificate again; open connections keep the old one.
    pub(super) fn take_certificate(&self) {
        let taken = load_identity(&self.config, &self.data).map_err(part("server certificate"));
        let taken = taken.and_then(|identity| {
            tell_of_name(&self.config, &identity);
            Ok((tls_config(&identity)?, identity.not_after))
        });
        let problem = taken.as_ref().err().map(ToString::to_string);
        self.repository.mishaps.note(Mishap::ServerCertificate, problem);
        match taken {
            Ok((config, not_after)) => {
                self.tls.store(config);
                self.certificate_not_after.store(not_after.0, Ordering::Relaxed);
                info!(%not_after, "server certificate read again");
            }
            Err(problem) => error!(%problem, "the old server certificate stays in use"),
        }
    }
}

/// Logs once that there are lists of CAs that are not configured.
fn tell_other_lists(repository: &Arc<Repository>, seen: &mut Seen) {
    let count = repository.trust.current().other_lists();
    if count > 0 && count != seen.other_lists {
        info!(
            count,
            "revocation lists of CAs that are not configured lie beside the others; they do no harm"
        );
    }
    seen.other_lists = count;
}

/// Logs when the gate closes or opens, and once when it will close soon.
fn tell_gate(repository: &Arc<Repository>, seen: &mut Seen) {
    let (state, now) = (repository.trust.current(), repository.now());
    let gate = state.gate(now);
    let code = gate.as_ref().err().map(Refusal::code);
    if code != seen.gate {
        match &gate {
            Ok(until) => info!(%until, "the gate is open again"),
            Err(refusal) => {
                error!(reason = %refusal, code, "the gate is closed: nothing is served")
            }
        }
        seen.gate = code;
    }
    let waning = crate::flow::report::health::waning(repository);
    if let (false, Some(concern)) = (seen.waning, &waning) {
        warn!(code = concern.code.as_str(), reason = %concern.text, "a revocation list is about to end");
    }
    seen.waning = waning.is_some();
}
