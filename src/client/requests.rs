//! The requests: one method for each.

use std::time::Duration;

use reqwest::Method;

use super::{ANSWER_SECONDS, Client, ClientError, Effect, ITEMS_PER_SECOND};
use crate::api::{
    AccessChange, AccessView, AuditCheckpoint, AuditEntry, AuditQuery, AuditVerdict, CRL_TYPE,
    Change, ChangeOutcome, ChangeRequest, Diff, DiffQuery, Digests, ExplainQuery, Explanation,
    GcView, GenerationView, GenerationsQuery, Granted, HostGrant, HostRequest, HostSetup,
    IdentityGrant, IdentityRequest, IdentityView, IssuedCertificate, IssuerView, MOST_ITEMS,
    MissingBlobs, PackagesQuery, PinView, PlacementView, RestoredView, RevocationOutcome,
    RevocationRequest, RolloutView, RolloutsQuery, SearchQuery, SetupQuery, Status,
    SuiteDefinition, SuiteEdit, SuitePlacement, SuiteRedate, SuiteView, WhoAmI, YankRequest,
    YankView,
};
use crate::debian::SuiteName;
use crate::digest::Digest;

pub(super) const NOTHING: &[(&str, &str)] = &[];

// Where to look for the effect of a request whose answer was lost.
const HISTORY: Effect = Effect::Once("look with repoctl history before you repeat it");
const SUITES: Effect = Effect::Once("look with repoctl suite list before you repeat it");
const HOSTS: Effect = Effect::Once("look with repoctl host list before you repeat it");
const IDENTITIES: Effect = Effect::Once("look with repoctl identity list before you repeat it");

/// Each returns the server's answer.
///
/// # Errors
/// Each returns [`ClientError`]: the server's fault, the network's, or a problem that says why.
impl Client {
    /// The identity of this client, as the server sees it.
    pub async fn whoami(&self) -> Result<WhoAmI, ClientError> {
        self.read(&["whoami"], NOTHING).await
    }

    /// The state of the server and its suites.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.read(&["status"], NOTHING).await
    }

    /// Every suite that this client may read.
    pub async fn list_suites(&self) -> Result<Vec<SuiteView>, ClientError> {
        self.read(&["suites"], NOTHING).await
    }

    /// Makes a suite.
    pub async fn create_suite(&self, suite: &SuiteDefinition) -> Result<SuiteView, ClientError> {
        self.send(Method::POST, &["suites"], suite, SUITES).await
    }

    /// One suite and its live generation.
    pub async fn view_suite(&self, suite: &SuiteName) -> Result<SuiteView, ClientError> {
        self.read(&["suites", suite.as_str()], NOTHING).await
    }

    /// Edits the settings of a suite, which is a change like any other.
    pub async fn edit_suite(
        &self,
        suite: &SuiteName,
        edit: &SuiteEdit,
    ) -> Result<ChangeOutcome, ClientError> {
        self.send(Method::PATCH, &["suites", suite.as_str()], edit, HISTORY).await
    }

    /// Starts the Dates of a suite anew at the present.
    pub async fn redate_suite(&self, suite: &SuiteName) -> Result<SuiteView, ClientError> {
        let path = ["suites", suite.as_str(), "redate"];
        self.send(Method::POST, &path, &SuiteRedate::default(), SUITES).await
    }

    /// Removes an empty suite, while this is its last generation.
    pub async fn remove_suite(
        &self,
        suite: &SuiteName,
        generation: Option<u64>,
    ) -> Result<(), ClientError> {
        let mut request = self.request(Method::DELETE, &["suites", suite.as_str()])?;
        if let Some(generation) = generation {
            request = request.header("if-match", format!("\"{generation}\""));
        }
        let timeout = Duration::from_secs(ANSWER_SECONDS);
        let response = self.dispatch(request.timeout(timeout), SUITES).await?;
        if response.status().is_success() {
            return Ok(());
        }
        self.answer::<serde_json::Value>(response, SUITES).await.map(|_| ())
    }

    /// Which of these packages have to be sent. Limits: [`crate::api::MOST_DIGESTS`].
    pub async fn missing_blobs(&self, digests: Vec<Digest>) -> Result<Vec<Digest>, ClientError> {
        let (path, wanted) = (["blobs", "missing"], Digests { digests });
        let answer: MissingBlobs = self.send(Method::POST, &path, &wanted, Effect::Nothing).await?;
        Ok(answer.missing)
    }

    /// Changes a suite, or returns what a change would do.
    pub async fn change(
        &self,
        suite: &SuiteName,
        change: &ChangeRequest,
    ) -> Result<ChangeOutcome, ClientError> {
        let effect = match &change.change {
            _ if change.dry_run => Effect::Nothing,
            // What is there already is success.
            Change::Add { .. } | Change::Promote(_) => Effect::Repeatable,
            _ => HISTORY,
        };
        let path = ["suites", suite.as_str(), "changes"];
        let request = self.request(Method::POST, &path)?.json(change);
        self.ask_within(answer_limit(&change.change), request, effect).await
    }

    /// The generations of a suite, newest first.
    pub async fn list_generations(
        &self,
        suite: &SuiteName,
        query: &GenerationsQuery,
    ) -> Result<Vec<GenerationView>, ClientError> {
        self.read(&["suites", suite.as_str(), "generations"], query).await
    }

    /// What differs between two generations.
    pub async fn diff(&self, suite: &SuiteName, query: &DiffQuery) -> Result<Diff, ClientError> {
        self.read(&["suites", suite.as_str(), "diff"], query).await
    }

    /// The packages of a suite.
    pub async fn list_packages(
        &self,
        suite: &SuiteName,
        query: &PackagesQuery,
    ) -> Result<Vec<PlacementView>, ClientError> {
        self.read(&["suites", suite.as_str(), "packages"], query).await
    }

    /// Packages by name, in every suite that this client may read.
    pub async fn search(&self, query: &SearchQuery) -> Result<Vec<SuitePlacement>, ClientError> {
        self.read(&["packages"], query).await
    }

    /// Has a version offered nowhere, or lets it come back.
    pub async fn yank(&self, wanted: &YankRequest) -> Result<Vec<ChangeOutcome>, ClientError> {
        self.send(Method::POST, &["yanks"], wanted, HISTORY).await
    }

    /// What is yanked.
    pub async fn list_yanks(&self) -> Result<Vec<YankView>, ClientError> {
        self.read(&["yanks"], NOTHING).await
    }

    /// The rollouts of a suite, newest first.
    pub async fn list_rollouts(
        &self,
        suite: &SuiteName,
        query: &RolloutsQuery,
    ) -> Result<Vec<RolloutView>, ClientError> {
        self.read(&["suites", suite.as_str(), "rollouts"], query).await
    }

    /// The pins of one suite, or of all.
    pub async fn list_pins(&self, suite: Option<&SuiteName>) -> Result<Vec<PinView>, ClientError> {
        match suite {
            Some(suite) => self.read(&["suites", suite.as_str(), "pins"], NOTHING).await,
            None => self.read(&["pins"], NOTHING).await,
        }
    }

    /// Entries of the audit log.
    pub async fn list_audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, ClientError> {
        self.read(&["audit"], query).await
    }

    /// Every checkpoint of the audit log, the oldest first.
    pub async fn list_checkpoints(&self) -> Result<Vec<AuditCheckpoint>, ClientError> {
        self.read(&["audit", "checkpoints"], NOTHING).await
    }

    /// Has the audit log signed up to its end.
    pub async fn seal_audit(&self) -> Result<AuditCheckpoint, ClientError> {
        let request = self.request(Method::POST, &["audit", "checkpoints"])?;
        self.ask(request, Effect::Nothing).await
    }

    /// Has the server check the whole audit log against its chain.
    pub async fn verify_audit(&self) -> Result<AuditVerdict, ClientError> {
        self.read(&["audit", "verify"], NOTHING).await
    }

    /// The last restoration of an earlier state.
    pub async fn show_restored(&self) -> Result<RestoredView, ClientError> {
        self.read(&["restored"], NOTHING).await
    }

    /// Acknowledges it.
    pub async fn acknowledge_restored(&self) -> Result<RestoredView, ClientError> {
        let request = self.request(Method::POST, &["restored", "acknowledge"])?;
        self.ask(request, Effect::Repeatable).await
    }

    /// What suites do not keep.
    pub async fn plan_gc(&self) -> Result<GcView, ClientError> {
        self.read(&["gc"], NOTHING).await
    }

    /// Removes what suites do not keep.
    pub async fn run_gc(&self) -> Result<GcView, ClientError> {
        let request = self.request(Method::POST, &["gc"])?;
        self.ask(request, Effect::Repeatable).await
    }

    /// A certificate for a host.
    pub async fn issue_host(&self, host: &HostRequest) -> Result<IssuedCertificate, ClientError> {
        self.send(Method::POST, &["hosts"], host, HOSTS).await
    }

    /// A certificate for a build job or a person.
    pub async fn issue_identity(
        &self,
        identity: &IdentityRequest,
    ) -> Result<IssuedCertificate, ClientError> {
        self.send(Method::POST, &["identities"], identity, IDENTITIES).await
    }

    /// Grants a host its right, whichever CA issues its certificate.
    pub async fn grant_host(&self, name: &str, right: &HostGrant) -> Result<Granted, ClientError> {
        self.send(Method::PUT, &["hosts", name], right, Effect::Repeatable).await
    }

    /// Grants an identity its right, whichever CA issues its certificate.
    pub async fn grant_identity(
        &self,
        name: &str,
        right: &IdentityGrant,
    ) -> Result<Granted, ClientError> {
        self.send(Method::PUT, &["identities", name], right, Effect::Repeatable).await
    }

    /// Every group and every grant.
    pub async fn list_access(&self) -> Result<AccessView, ClientError> {
        self.read(&["access"], NOTHING).await
    }

    /// Edits groups and grants, all or nothing; returns what was really changed.
    pub async fn edit_access(&self, change: &AccessChange) -> Result<AccessChange, ClientError> {
        self.send(Method::POST, &["access"], change, Effect::Repeatable).await
    }

    /// Why an identity may or may not do something.
    pub async fn explain_access(&self, query: &ExplainQuery) -> Result<Explanation, ClientError> {
        self.read(&["access", "explain"], query).await
    }

    /// Every CA with its revocation list.
    pub async fn list_crls(&self) -> Result<Vec<IssuerView>, ClientError> {
        self.read(&["crl"], NOTHING).await
    }

    /// Delivers revocation lists, PEM or DER.
    pub async fn put_crl(&self, lists: Vec<u8>) -> Result<Vec<IssuerView>, ClientError> {
        let request = self.request(Method::PUT, &["crl"])?;
        self.ask(request.header("content-type", CRL_TYPE).body(lists), Effect::Repeatable).await
    }

    /// Every host.
    pub async fn list_hosts(&self) -> Result<Vec<IdentityView>, ClientError> {
        self.read(&["hosts"], NOTHING).await
    }

    /// Every identity.
    pub async fn list_identities(&self) -> Result<Vec<IdentityView>, ClientError> {
        self.read(&["identities"], NOTHING).await
    }

    /// Revokes every certificate of a host and takes its rights away.
    pub async fn revoke_host(
        &self,
        name: &str,
        request: &RevocationRequest,
    ) -> Result<RevocationOutcome, ClientError> {
        self.send(Method::POST, &["hosts", name, "revoke"], request, HOSTS).await
    }

    /// Revokes every certificate of an identity and takes its rights away.
    pub async fn revoke_identity(
        &self,
        name: &str,
        request: &RevocationRequest,
    ) -> Result<RevocationOutcome, ClientError> {
        self.send(Method::POST, &["identities", name, "revoke"], request, IDENTITIES).await
    }

    /// What a host needs, except its own key and certificate.
    pub async fn host_setup(
        &self,
        name: &str,
        query: &SetupQuery,
    ) -> Result<HostSetup, ClientError> {
        self.read(&["hosts", name, "setup"], query).await
    }
}

/// How long the server may take for a change.
fn answer_limit(change: &Change) -> Duration {
    let items = match change {
        Change::Add { items } => u64::try_from(items.len()).unwrap_or(u64::MAX),
        // Only the server knows how much that is.
        Change::Promote(_) => MOST_ITEMS as u64,
        _ => 0,
    };
    Duration::from_secs(ANSWER_SECONDS.saturating_add(items / ITEMS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::AddItem;

    #[test]
    fn the_largest_change_may_take_a_quarter_of_an_hour_longer() {
        let item = AddItem { component: "main".parse().unwrap(), digest: Digest::of(b"") };
        let adding = |count| Change::Add { items: vec![item.clone(); count] };
        assert_eq!(answer_limit(&adding(1)), Duration::from_secs(120));
        assert_eq!(answer_limit(&adding(100_000)), Duration::from_secs(1_120));
        assert_eq!(
            answer_limit(&Change::Unpin { packages: vec![], all: true, binary: false }).as_secs(),
            120
        );
    }
}
