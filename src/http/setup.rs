//! Setup: what a host needs, as files.

use axum::extract::State;

use crate::api::{Code, HostSetup, SetupFile, SetupQuery};
use crate::debian::SuiteName;
use crate::domain::host::{self, HostFacts};
use crate::domain::{Identity, Right, Role, SuiteSpec, namespaces};
use crate::flow::admit;
use crate::flow::report::reports;
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
    caller.admit(&app, if own { Right::Introspect } else { Right::IssueHosts })?;
    let suites = suites_of(&app, &caller, &identity, query.suites.as_deref())?;
    let facts_of = |spec: &SuiteSpec| match own && query.installs {
        true => client_package::facts_for(&app.repository, &identity, spec),
        false => client_package::facts(&app.repository, spec),
    };
    let of_suites: Vec<_> = suites.iter().map(facts_of).collect();
    let embedded = || reports::ca_pem(&app.repository);
    let ca_pem = app.site.server_ca.clone().unwrap_or_else(embedded);
    let facts = HostFacts {
        identity: &identity,
        public_url: &app.site.public_url,
        server: &app.site.host,
        ca_pem: &ca_pem,
        suites: &of_suites,
    };
    // The host itself may know what it has read; anybody else what they may read themselves.
    let mut before = reports::read_elsewhere(&app.repository, &identity, &suites).await?;
    before.retain(|spec| own || caller.admit(&app, Right::Read(&spec.name)).is_ok());
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
    }))
}

/// The suites that are named, or those of the host; each only if the caller may read it.
fn suites_of(
    app: &App,
    caller: &Caller,
    identity: &Identity,
    named: Option<&str>,
) -> Result<Vec<SuiteSpec>, Failure> {
    let mut chosen: Vec<SuiteName> = Vec::new();
    match named {
        Some(named) => {
            for name in named.split(',') {
                chosen.push(caller.suite(app, name)?);
            }
        }
        None => chosen = granted(app, identity)?,
    }
    let spec = |name: &SuiteName| {
        caller.admit(app, Right::Read(name))?;
        let desk = app.repository.desk(name);
        let absent = || {
            Failure::new(
                Code::Missing,
                format!("there is no suite {name}; `repoctl suite list` shows them"),
            )
        };
        Ok(desk.ok_or_else(absent)?.state().spec.clone())
    };
    chosen.iter().map(spec).collect()
}

fn granted(app: &App, identity: &Identity) -> Result<Vec<SuiteName>, Failure> {
    let entitled = admit::find_entitled(&app.repository, identity);
    let entitled = entitled.filter(|entitled| entitled.role() == Role::Host);
    let absent = || {
        let detail = format!(
            "{identity} is no host here; `repoctl host issue {identity} --suite …` makes it one"
        );
        Failure::new(Code::Missing, detail)
    };
    let entitled = entitled.ok_or_else(absent)?;
    let desks = app.repository.desks();
    Ok(desks.keys().filter(|suite| entitled.reads(suite)).cloned().collect())
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
