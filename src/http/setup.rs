//! Setup: what a host needs, as files.

use axum::extract::State;

use crate::api::{Code, HostSetup, SetupFacts, SetupFile, SetupQuery, SuiteFacts, UpdateErrorMode};
use crate::debian::SuiteName;
use crate::domain::host::{self, ErrorMode, HostFacts};
use crate::domain::{Admitted, Grant, Identity, Operated, Right, Role, SuiteSpec, namespaces};
use crate::flow::admit;
use crate::flow::report::{identities, reports};
use crate::flow::upkeep::client_package;
use crate::http::App;
use crate::http::admitted::{Caller, parse};
use crate::http::answer::Failure;
use crate::http::extract::{Json, Path, Query};

/// `GET /hosts/{name}/setup`: everything but the host's own certificate and key.
pub async fn setup(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<SetupQuery>,
) -> Result<Json<HostSetup>, Failure> {
    let identity: Identity = parse("name", &name)?;
    let own = caller.standing.identity() == &identity;
    let admitted = caller.admit(&app, if own { Right::Introspect } else { Right::IssueHosts })?;
    let operated = admit::operated(&app.repository, admitted.entitled());
    let suites = match query.suites.as_deref() {
        Some(named) => named_suites(&app, &caller, named)?,
        None => granted_suites(&app, &identity, (!own).then_some(&operated))?,
    };
    let facts_of = |spec: &SuiteSpec| match own && query.installs {
        true => client_package::facts_for(&app.repository, &identity, spec),
        false => client_package::facts(&app.repository, spec),
    };
    let of_suites: Vec<_> = suites.iter().map(facts_of).collect();
    let embedded = || reports::ca_pem(&app.repository);
    let ca_pem = app.site.server_ca.clone().unwrap_or_else(embedded);
    let facts = HostFacts {
        identity: &identity,
        address: &app.site.address(),
        ca_pem: &ca_pem,
        suites: &of_suites,
    };
    // The host itself may know what it has read; anybody else what it read of their own suites.
    let mut before = identities::read_elsewhere(&app.repository, &identity, &suites).await?;
    before.retain(|spec| own || operated.has(&spec.name));
    let directory = host::directory(&app.site.host);
    let names: Vec<_> = suites.iter().map(|spec| spec.name.clone()).collect();
    let file = |file: host::HostFile| SetupFile {
        path: file.path,
        mode: file.mode.into(),
        owner: file.owner.into(),
        content: file.content,
    };
    Ok(Json(HostSetup {
        certificate_path: format!("{directory}/client.crt"),
        key_path: format!("{directory}/client.key"),
        files: host::files(&facts).into_iter().map(file).collect(),
        obsolete: host::obsolete_files(&app.site.host, &names),
        notes: notes(&suites, &before),
        facts: Some(wire_facts(&app, &of_suites)),
    }))
}

fn wire_facts(app: &App, suites: &[host::SuiteFacts]) -> SetupFacts {
    let suite = |facts: &host::SuiteFacts| SuiteFacts {
        name: facts.spec.name.clone(),
        origin: facts.spec.origin.clone(),
        label: facts.spec.label.clone(),
        components: facts.spec.components.clone(),
        architectures: facts.spec.architectures.clone(),
        owns: facts.spec.owns.clone(),
        names: if facts.spec.owns.is_empty() { facts.names.clone() } else { Vec::new() },
        not_automatic: facts.spec.not_automatic,
        keys: facts.keys.clone(),
    };
    SetupFacts {
        public_url: app.site.public_url.clone(),
        update_error_mode: match app.site.error_mode {
            ErrorMode::Any => UpdateErrorMode::Any,
            ErrorMode::PersistentFailure => UpdateErrorMode::PersistentFailure,
        },
        suites: suites.iter().map(suite).collect(),
    }
}

/// The suites that are named; each only if the caller may read it.
fn named_suites(app: &App, caller: &Caller, named: &str) -> Result<Vec<SuiteSpec>, Failure> {
    let spec = |name: &str| {
        let name = caller.suite(app, name)?;
        let admitted = caller.admit(app, Right::Read(&name))?;
        reports::there_is(&app.repository, &admitted, &name)?;
        let absent = || Failure::new(Code::Missing, format!("there is no suite {name}"));
        Ok(app.repository.desk(&name).ok_or_else(absent)?.state().spec.clone())
    };
    named.split(',').map(spec).collect()
}

/// The suites that the host may read; to somebody else only those that they operate. A host without
/// any of these is answered like a name that is no host.
fn granted_suites(
    app: &App,
    host: &Identity,
    asker: Option<&Operated<'_>>,
) -> Result<Vec<SuiteSpec>, Failure> {
    let absent = || {
        let detail =
            format!("{host} is no host here; `repoctl host issue {host} --suite …` makes it one");
        Failure::new(Code::Missing, detail)
    };
    let entitled = admit::find_entitled(&app.repository, host);
    let entitled = entitled.filter(|entitled| entitled.is_host()).ok_or_else(absent)?;
    let desks = app.repository.desks();
    let shown = |suite: &SuiteName| asker.is_none_or(|asker| asker.has(suite));
    let suites = desks.iter().filter(|(suite, _)| entitled.reads(suite) && shown(suite));
    let suites: Vec<_> = suites.map(|(_, desk)| desk.state().spec.clone()).collect();
    match suites.is_empty() && asker.is_some_and(|asker| !asker.is_everything()) {
        true => Err(absent()),
        false => Ok(suites),
    }
}

/// The notes for a host that gets this right and reads suites of several namespaces, or read one of
/// another before. The asker has been checked to give the right.
pub(super) async fn namespace_notes(
    app: &App,
    asker: &Admitted,
    given: &Grant,
) -> Result<Vec<String>, Failure> {
    if given.role != Role::Host {
        return Ok(Vec::new());
    }
    let desks = app.repository.desks();
    let held = given.names_no_suite().then(|| admit::find_held(&app.repository, &given.identity));
    let held = held.flatten();
    let reads = |suite: &SuiteName| {
        given.suites.covers(suite) || held.as_ref().is_some_and(|held| held.reads(suite))
    };
    let suites = desks.iter().filter(|(suite, _)| reads(suite));
    let suites: Vec<_> = suites.map(|(_, desk)| desk.state().spec.clone()).collect();
    let mut before = identities::read_elsewhere(&app.repository, &given.identity, &suites).await?;
    let operated = admit::operated(&app.repository, asker.entitled());
    before.retain(|spec| operated.has(&spec.name));
    let side_by_side = namespaces::side_by_side(&suites).into_iter();
    Ok(side_by_side.chain(namespaces::moved(&suites, &before)).collect())
}

fn notes(suites: &[SuiteSpec], before: &[SuiteSpec]) -> Vec<String> {
    let mut notes = vec![
        "apt knows allow-downgrades only for the whole host; the preferences limit what really goes down"
            .to_string(),
    ];
    for spec in suites.iter().filter(|spec| spec.owns.is_empty() && !spec.not_automatic) {
        notes.push(format!(
            "suite {0} does not say which package names it owns, so the preferences list those it holds \
             now; after a new name is uploaded run this again, or say it once: \
             `repoctl suite edit {0} --owns 'acme-*'`",
            spec.name
        ));
    }
    notes.extend(namespaces::side_by_side(suites));
    notes.extend(namespaces::moved(suites, before));
    notes
}
