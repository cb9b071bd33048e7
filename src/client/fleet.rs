//! The requests about what hosts have installed.

use reqwest::Method;

use super::requests::NOTHING;
use super::{Client, ClientError, Effect};
use crate::api::{
    FleetDiff, FleetDiffQuery, FleetInstalled, FleetQuery, FleetSuite, HealthIgnore, HealthIgnored,
    HealthView, InstalledQuery, REPORT_TYPE, ReportOutcome, ReportView, WhoHas, WhoHasQuery,
};

/// Each returns the server's answer.
///
/// # Errors
/// Each returns [`ClientError`]: the server's fault, the network's, or a problem that says why.
impl Client {
    /// Sends a report of the host whose certificate this client presents, packed by gzip.
    pub async fn report(&self, packed: Vec<u8>) -> Result<ReportOutcome, ClientError> {
        let request = self.request(Method::POST, &["report"])?;
        self.ask(request.header("content-type", REPORT_TYPE).body(packed), Effect::Repeatable).await
    }

    /// The last report of a host, in short.
    pub async fn host_report(&self, name: &str) -> Result<ReportView, ClientError> {
        self.read(&["hosts", name, "report"], NOTHING).await
    }

    /// The health of a host.
    pub async fn host_health(&self, name: &str) -> Result<HealthView, ClientError> {
        self.read(&["hosts", name, "health"], NOTHING).await
    }

    /// Leaves the failed checks of a host out of the count for so many hours, or counts them again.
    pub async fn ignore_health(
        &self,
        name: &str,
        hours: Option<u32>,
    ) -> Result<HealthIgnored, ClientError> {
        let request = self.request(Method::POST, &["hosts", name, "health", "ignore"])?;
        self.ask(request.json(&HealthIgnore { hours }), Effect::Repeatable).await
    }

    /// How the hosts of each suite stand to it.
    pub async fn fleet(&self, query: &FleetQuery) -> Result<Vec<FleetSuite>, ClientError> {
        self.read(&["fleet"], query).await
    }

    /// Which hosts have a package.
    pub async fn who_has(&self, query: &WhoHasQuery) -> Result<WhoHas, ClientError> {
        self.read(&["fleet", "who-has"], query).await
    }

    /// What every host has installed.
    pub async fn fleet_installed(
        &self,
        query: &InstalledQuery,
    ) -> Result<FleetInstalled, ClientError> {
        self.read(&["fleet", "installed"], query).await
    }

    /// What the hosts of a group do not have alike.
    pub async fn fleet_diff(&self, query: &FleetDiffQuery) -> Result<FleetDiff, ClientError> {
        self.read(&["fleet", "diff"], query).await
    }
}
