//! How each row of the table of routes is asked, with every kind of name that has a place in it.

use repod::http::route::Route;

use super::world::Kind;

/// One way to ask a route. `NAME` stands for the name.
pub struct Ask {
    /// The kind of the name; `None` where nothing is named, which is a list or about oneself.
    pub of: Option<Kind>,
    /// Path and query, below the root of the table.
    pub path: String,
    /// The body, in JSON; empty for none.
    pub body: String,
    /// Whether a body is announced, and refused before it is sent.
    pub unread: bool,
    /// Whether something of that name is made, where nobody has it.
    pub makes: bool,
    /// Whether it is answered with success, alike for both.
    pub succeeds: bool,
}

fn list(path: &str) -> Ask {
    let (path, body) = (path.to_owned(), String::new());
    Ask { of: None, path, body, unread: false, makes: false, succeeds: true }
}

fn of(kinds: &[Kind], path: &str, body: &str) -> Vec<Ask> {
    let one =
        |kind: &Kind| Ask { of: Some(*kind), body: body.into(), succeeds: false, ..list(path) };
    kinds.iter().map(one).collect()
}

fn succeeding(asks: Vec<Ask>) -> Vec<Ask> {
    asks.into_iter().map(|ask| Ask { succeeds: true, ..ask }).collect()
}

fn making(asks: Vec<Ask>) -> Vec<Ask> {
    asks.into_iter().map(|ask| Ask { makes: true, ..ask }).collect()
}

const SUITES: &[Kind] = &[Kind::Suite, Kind::Alias];
const NAMES: &[Kind] = &[Kind::Host, Kind::Identity, Kind::Token];
/// Names that are bound: a token that waits binds none, and is no reason to refuse one.
const BOUND: &[Kind] = &[Kind::Host, Kind::Identity];
const PACKAGES: &[Kind] = &[Kind::Package, Kind::Pin, Kind::ClientPackage];
const DIGESTS: &[Kind] = &[Kind::Digest];

/// Every way to ask a route.
///
/// # Panics
/// For a route that is not in here.
pub fn asks(route: &Route) -> Vec<Ask> {
    let asks = asking(route.name).or_else(|| changing(route.name));
    let asks = asks.or_else(|| trusting(route.name)).or_else(|| files(route.name));
    asks.unwrap_or_else(|| {
        panic!(
            "{} is new: say in tests/it/beyond/asks.rs how it is asked for every name",
            route.name
        )
    })
}

fn asking(route: &str) -> Option<Vec<Ask>> {
    // Of a suite, and of one's own.
    let suite = |below: &str| {
        let mut asks = of(SUITES, &format!("/suites/NAME{below}"), "");
        asks.push(list(&format!("/suites/stable{below}")));
        asks.push(list(&format!("/suites/trixie{below}")));
        asks
    };
    Some(match route {
        "openapi" => vec![list("/openapi.json")],
        "whoami" => vec![list("/whoami")],
        "status" => vec![list("/status")],
        "list_suites" => vec![list("/suites")],
        "view_suite" => suite(""),
        "list_packages" => {
            let mut asks = suite("/packages");
            asks.push(list("/suites/stable/packages?all=true"));
            asks.extend(succeeding(of(PACKAGES, "/suites/stable/packages?source=NAME", "")));
            asks
        }
        "list_generations" => suite("/generations?limit=1000"),
        "diff" => {
            let mut asks = of(SUITES, "/suites/NAME/diff?from=1&to=2", "");
            asks.push(list("/suites/stable/diff?from=1&to=2"));
            asks.extend(of(&[Kind::Generation], "/suites/stable/diff?from=1&to=NAME", ""));
            asks.extend(of(&[Kind::Generation], "/suites/stable/diff?from=NAME&to=1", ""));
            asks
        }
        "list_yanks" => vec![list("/yanks")],
        "list_rollouts" => suite("/rollouts"),
        "list_pins" => suite("/pins"),
        "list_all_pins" => vec![list("/pins")],
        "search" => {
            let mut asks = succeeding(of(PACKAGES, "/packages?pattern=NAME", ""));
            asks.extend([list("/packages?pattern=*"), list("/packages?pattern=*&limit=1")]);
            asks
        }
        _ => return None,
    })
}

fn changing(route: &str) -> Option<Vec<Ask>> {
    let wrap = |change: &str| format!(r#"{{"change": {change}}}"#);
    let add = r#"{"verb": "add", "items": [{"component": "main", "digest": "NAME"}]}"#;
    Some(match route {
        "upload" => {
            let asks = of(SUITES, "/suites/NAME/main/x.deb", "");
            asks.into_iter().map(|ask| Ask { unread: true, ..ask }).collect()
        }
        "missing_blobs" => succeeding(of(DIGESTS, "/blobs/missing", r#"{"digests": ["NAME"]}"#)),
        "send_blob" => of(DIGESTS, "/blobs/NAME", "these are other bytes"),
        // Of each package of a batch is said what would be said of it alone.
        "send_blobs" => succeeding(of(DIGESTS, "/blobs", "NAME 5\nother")),
        "change" => {
            let mut asks = Vec::new();
            for change in verbs("acme-web", "1.0")
                .iter()
                .map(String::as_str)
                .chain([r#"{"verb": "add", "items": [{"component": "main", "digest": "DIGEST"}]}"#])
            {
                let change = change.replace("DIGEST", &"0".repeat(64));
                asks.extend(of(SUITES, "/suites/NAME/changes", &wrap(&change)));
            }
            let everything =
                |from| format!(r#"{{"verb": "promote", "from": "{from}", "all": true}}"#);
            asks.extend(of(SUITES, "/suites/stable/changes", &wrap(&everything("NAME"))));
            asks.extend(of(SUITES, "/suites/NAME/changes", &wrap(&everything("stable"))));
            asks.extend(of(DIGESTS, "/suites/stable/changes", &wrap(add)));
            let dry = format!(r#"{{"dry_run": true, "change": {add}}}"#);
            asks.extend(of(DIGESTS, "/suites/stable/changes", &dry));
            for change in verbs("NAME", "1.0") {
                asks.extend(succeeding(of(PACKAGES, "/suites/stable/changes", &wrap(&change))));
            }
            let to = r#"{"verb": "rollback", "packages": ["acme-web"], "to": NAME}"#;
            asks.extend(of(&[Kind::Generation], "/suites/stable/changes", &wrap(to)));
            let expects = r#"{"expect_generation": NAME, "change": {"verb": "remove", "packages": ["acme-web"]}}"#;
            asks.extend(of(&[Kind::Generation], "/suites/stable/changes", expects));
            asks
        }
        "create_suite" => {
            let body = r#"{"name": "NAME", "architectures": ["amd64"]}"#;
            of(SUITES, "/suites", body)
        }
        "edit_suite" => {
            let mut asks = of(SUITES, "/suites/NAME", r#"{"description": "x"}"#);
            asks.extend(of(SUITES, "/suites/stable", r#"{"alias": "NAME", "alias_from": "NAME"}"#));
            asks
        }
        "yank" => {
            let body = |undo| format!(r#"{{"package": "NAME", "version": "1.0", "undo": {undo}}}"#);
            let mut asks = of(PACKAGES, "/yanks", &body(false));
            asks.extend(of(PACKAGES, "/yanks", &body(true)));
            asks
        }
        "redate_suite" => of(SUITES, "/suites/NAME/redate", "{}"),
        "remove_suite" => of(SUITES, "/suites/NAME", ""),
        _ => return None,
    })
}

/// Every verb that names packages.
fn verbs(package: &str, version: &str) -> Vec<String> {
    let mut all =
        vec![format!(r#"{{"verb": "pin", "package": "{package}", "version": "{version}"}}"#)];
    for verb in ["rollback", "unpin", "remove"] {
        for binary in ["false", "true"] {
            let packages = format!(r#""packages": ["{package}"], "binary": {binary}"#);
            all.push(format!(r#"{{"verb": "{verb}", {packages}}}"#));
        }
    }
    all
}

fn trusting(route: &str) -> Option<Vec<Ask>> {
    Some(match route {
        "list_hosts" => vec![list("/hosts")],
        "issue_host" => {
            let body = r#"{"name": "NAME", "suites": ["stable"], "csr_pem": "none"}"#;
            let mut asks = making(of(BOUND, "/hosts", body));
            asks.extend(of(&[Kind::Token], "/hosts", body));
            let body = r#"{"name": "new.example.org", "suites": ["NAME"], "csr_pem": "none"}"#;
            asks.extend(of(SUITES, "/hosts", body));
            asks
        }
        "grant_host" => {
            let mut asks = making(of(BOUND, "/hosts/NAME", r#"{"suites": ["stable"]}"#));
            asks.extend(of(SUITES, "/hosts/new.example.org", r#"{"suites": ["NAME"]}"#));
            asks.extend(of(SUITES, "/hosts/web.example.org", r#"{"suites": ["stable", "NAME"]}"#));
            asks
        }
        "revoke_host" => of(NAMES, "/hosts/NAME/revoke", r#"{"reason": "x"}"#),
        "host_setup" => {
            let mut asks = of(NAMES, "/hosts/NAME/setup", "");
            asks.extend(succeeding(of(NAMES, "/hosts/NAME/setup?suites=stable", "")));
            asks.extend(of(SUITES, "/hosts/web.example.org/setup?suites=stable,NAME", ""));
            asks.push(list("/hosts/web.example.org/setup"));
            asks
        }
        "report" => vec![list("/report")],
        "host_report" => {
            let mut asks = of(NAMES, "/hosts/NAME/report", "");
            asks.push(list("/hosts/web.example.org/report"));
            asks
        }
        "host_health" => {
            let mut asks = of(NAMES, "/hosts/NAME/health", "");
            asks.push(list("/hosts/web.example.org/health"));
            asks
        }
        "note_health" => {
            let body = r#"{"check": "http", "result": "fail"}"#;
            let mut asks = of(SUITES, "/suites/NAME/hosts/web.example.org/health", body);
            asks.extend(of(NAMES, "/suites/stable/hosts/NAME/health", body));
            asks
        }
        "ignore_health" => of(NAMES, "/hosts/NAME/health/ignore", r#"{"hours": 8}"#),
        "fleet" => {
            let mut asks = of(SUITES, "/fleet?suite=NAME", "");
            asks.extend(of(&[Kind::Group], "/fleet?group=NAME", ""));
            asks.push(list("/fleet?all=true"));
            asks
        }
        "who_has" => {
            let mut asks = succeeding(of(PACKAGES, "/fleet/who-has?package=NAME", ""));
            asks.push(list("/fleet/who-has?package=acme-web&version=1.0&is=later"));
            asks
        }
        "fleet_installed" => {
            let mut asks = succeeding(of(PACKAGES, "/fleet/installed?packages=NAME", ""));
            asks.push(list("/fleet/installed?all=true"));
            asks
        }
        "fleet_diff" => of(&[Kind::Group], "/fleet/diff?group=NAME", ""),
        "list_tokens" => vec![list("/tokens")],
        "make_token" => {
            let body = r#"{"name": "NAME", "suites": ["stable"], "hours": 1}"#;
            let mut asks = making(of(BOUND, "/tokens", body));
            let body = r#"{"name": "new.example.org", "suites": ["NAME"], "hours": 1}"#;
            asks.extend(of(SUITES, "/tokens", body));
            asks
        }
        "revoke_token" => of(NAMES, "/tokens/NAME/revoke", "{}"),
        "authority" => vec![list("/enroll")],
        "enroll" => {
            let body = r#"{"name": "NAME", "secret": "0000", "csr_pem": "none"}"#;
            of(NAMES, "/enroll", body)
        }
        "renew" => vec![list("/renew")],
        "list_identities" => vec![list("/identities")],
        "issue_identity" => {
            let body =
                r#"{"name": "NAME", "role": "host", "suites": ["stable"], "csr_pem": "none"}"#;
            of(NAMES, "/identities", body)
        }
        "grant_identity" => {
            of(NAMES, "/identities/NAME", r#"{"role": "host", "suites": ["stable"]}"#)
        }
        "revoke_identity" => of(NAMES, "/identities/NAME/revoke", "{}"),
        "list_keys" => vec![list("/keys")],
        "add_key" => of(SUITES, "/keys", r#"{"suites": ["NAME"]}"#),
        "retire_key" => of(&[Kind::Fingerprint], "/keys/NAME/retire", "{}"),
        "publish_client_package" => of(SUITES, "/suites/NAME/client-package", ""),
        "list_access" => vec![list("/access")],
        "edit_access" => of(&[Kind::Group], "/access", r#"{"end_groups": ["NAME"]}"#),
        "explain_access" => explaining(),
        "list_crls" => vec![list("/crl")],
        "put_crl" => vec![list("/crl")],
        "list_audit" => auditing(),
        "list_checkpoints" => vec![list("/audit/checkpoints")],
        "seal_audit" => vec![list("/audit/checkpoints")],
        "verify_audit" => vec![list("/audit/verify")],
        "plan_gc" | "run_gc" => vec![list("/gc")],
        "show_restored" => vec![list("/restored")],
        "acknowledge_restored" => vec![list("/restored/acknowledge")],
        _ => return None,
    })
}

fn explaining() -> Vec<Ask> {
    let path = "/access/explain?identity=NAME&suite=stable";
    let mut asks = succeeding(of(NAMES, path, ""));
    let path = "/access/explain?identity=web.example.org&suite=NAME";
    asks.extend(succeeding(of(SUITES, path, "")));
    let path = "/access/explain?identity=op.example.org&suite=NAME";
    asks.extend(succeeding(of(SUITES, path, "")));
    let path = "/access/explain?identity=web.example.org&suite=stable&package=NAME";
    asks.extend(succeeding(of(PACKAGES, path, "")));
    asks.push(list("/access/explain?identity=web.example.org&suite=stable"));
    asks
}

fn auditing() -> Vec<Ask> {
    // What somebody asked for is in the log under its own name, whether it is there or not.
    let mut asks = succeeding(of(&[Kind::Entry], "/audit?after=NAME&verb=suite-begin", ""));
    asks.extend(succeeding(of(NAMES, "/audit?identity=NAME", "")));
    asks.extend(succeeding(of(SUITES, "/audit?suite=NAME&verb=suite-begin", "")));
    asks.push(list("/audit?suite=stable&verb=pin"));
    asks
}

fn files(route: &str) -> Option<Vec<Ask>> {
    let index = "main/binary-amd64/by-hash/SHA256/NAME";
    Some(match route {
        "dists" => {
            let mut asks = of(SUITES, "/dists/NAME/InRelease", "");
            asks.extend(of(SUITES, "/dists/NAME/main/binary-amd64/Packages", ""));
            asks.extend(of(&[Kind::ByHash], &format!("/dists/stable/{index}"), ""));
            asks.push(list("/dists/stable/main/binary-amd64/Packages"));
            asks
        }
        "pool" => of(&[Kind::PoolPath], "/pool/NAME", ""),
        "snapshot" => {
            let mut asks = of(SUITES, "/snapshot/1/dists/NAME/InRelease", "");
            asks.extend(of(&[Kind::Generation], "/snapshot/NAME/dists/stable/InRelease", ""));
            asks.extend(of(&[Kind::ByHash], &format!("/snapshot/1/dists/stable/{index}"), ""));
            asks.extend(of(&[Kind::PoolPath], "/snapshot/1/pool/NAME", ""));
            asks
        }
        _ => return None,
    })
}
