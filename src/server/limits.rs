//! Limits, from the configuration to the rooms that apply them.

use super::descriptors;
use crate::config::{Config, UpdateErrorMode};
use crate::domain::host::ErrorMode;
use crate::flow::{FlowLimits, ScrubLimits};
use crate::http::listen::EdgeLimits;

/// The configuration has days, the flows have seconds. Unit: seconds.
pub(super) const DAY_SECONDS: i64 = 86_400;

pub(super) fn flow_limits(config: &Config) -> FlowLimits {
    FlowLimits {
        package_bytes: config.limits.package_bytes,
        uploads: config.limits.uploads.max(1),
        memory_bytes: config.limits.memory_bytes,
        certificate_days: config.certificates.client_days,
        crl_seconds: i64::from(config.certificates.crl_days).saturating_mul(DAY_SECONDS),
        scrub: ScrubLimits {
            days: config.scrub.days,
            most_bytes_per_second: config.scrub.bytes_per_second,
            least_bytes_per_second: config.scrub.least_bytes_per_second,
            wait_seconds: config.scrub.wait_seconds,
        },
        ..FlowLimits::default()
    }
}

/// What hosts are given as `APT::Update::Error-Mode`.
pub(super) fn error_mode(config: &Config) -> ErrorMode {
    match config.hosts.update_error_mode {
        UpdateErrorMode::Any => ErrorMode::Any,
        UpdateErrorMode::PersistentFailure => ErrorMode::PersistentFailure,
    }
}

/// As many as are configured, if there are descriptors for so many.
fn connections(configured: usize) -> usize {
    let most = descriptors::connections();
    if most < configured {
        tracing::info!(
            configured,
            most,
            "the limit of open files allows fewer connections than limits.connections; raise LimitNOFILE"
        );
    }
    configured.min(most)
}

pub(super) fn edge_limits(config: &Config) -> EdgeLimits {
    EdgeLimits {
        max_connections: connections(config.limits.connections),
        max_connections_per_address: config.limits.connections_per_address,
        ..EdgeLimits::default()
    }
}
