//! Every route of the server, in one table. What is not in it does not exist.
//!
//! The router, the least right, the limit of the body, the verb of a refusal in the audit log and
//! `openapi.json` are made from its rows. Most rows name the least role; which suites, components and packages
//! it holds for is decided by the handler.

mod fleet;
mod needs;
mod offering;
mod trusting;

use axum::routing::on;

use crate::http::route::{Needs, Route};
use crate::http::{local, repository};

use fleet::FLEET;
use needs::FILE_READER;
use offering::{ASKING, CHANGING, UPLOADING};
use trusting::{ACCESS, AUDIT, HOSTS, IDENTITIES, KEYS, LISTS};

/// Below [`crate::api::BASE`].
pub const API: &[&[Route]] =
    &[ASKING, UPLOADING, CHANGING, HOSTS, FLEET, IDENTITIES, KEYS, ACCESS, LISTS, AUDIT];

/// What apt reads, below the root. It is described in `docs/hosts.md` and by Debian, not in `openapi.json`.
pub const FILES: &[Route] = &[
    Route::get("/dists/{suite}/{*file}", "dists", |method| on(method, repository::serve))
        .needs(FILE_READER)
        .summary("Release files and indices, by name and by hash"),
    Route::get("/pool/{*file}", "pool", |method| on(method, repository::serve))
        .needs(FILE_READER)
        .summary("Packages"),
    Route::get("/snapshot/{id}/{*file}", "snapshot", |method| on(method, repository::serve))
        .needs(FILE_READER)
        .summary("The same of an earlier state"),
];

/// On the listener of the machine itself (`listen.local`): plain HTTP, no certificate, and no part of
/// `openapi.json`.
pub const LOCAL: &[Route] = &[
    Route::get("/healthz", "healthz", |method| on(method, local::healthy))
        .needs(Needs::Nothing)
        .summary("The process answers"),
    Route::get("/readyz", "readyz", |method| on(method, local::ready))
        .needs(Needs::Nothing)
        .summary("Hosts would be served"),
    Route::get("/metrics", "metrics", |method| on(method, local::metrics))
        .needs(Needs::Nothing)
        .summary("For Prometheus"),
];

/// Every row of [`API`].
pub fn api() -> impl Iterator<Item = &'static Route> {
    API.iter().copied().flatten()
}

/// The row of a path that apt reads, and what the path has for the suite, found without the router.
pub fn match_file(path: &str) -> Option<(&'static Route, &str)> {
    FILES.iter().find_map(|route| {
        let (root, open) = route.path.split_once('{')?;
        let below = path.strip_prefix(root)?;
        let suite = if open.starts_with("suite}") { below.split('/').next() } else { None };
        Some((route, suite.unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::route::{Limit, OTHER, Payload, READ};

    #[test]
    fn every_row_is_filled_in() {
        let mut seen = BTreeSet::new();
        for route in api().chain(FILES).chain(LOCAL) {
            let place = format!("{} {}", route.method, route.path);
            assert!(!route.summary.is_empty(), "{place}: say what it is for");
            assert_eq!(route.reads(), route.verb == READ, "{place}");
            // Sealing alters nothing that the log would tell of.
            assert!(route.verb != OTHER || route.name == "seal_audit", "{place}: name its verb");
            let takes = !matches!(route.takes, Payload::Nothing);
            assert_eq!(takes, route.limit != Limit::Unread, "{place}: a body has a limit");
            assert!(seen.insert((route.method, route.path)), "{place} is there twice");
        }
        assert!(
            api().all(|route| !matches!(route.gives, Payload::Nothing) || route.method == "DELETE")
        );
    }

    #[test]
    fn who_needs_no_right_is_named_here() {
        let free = api().filter(|route| route.needs.role().is_none());
        let free: Vec<_> = free.map(|route| (route.name, route.needs)).collect();
        let nothing = Needs::Nothing;
        assert_eq!(
            free,
            [("openapi", Needs::Certificate), ("authority", nothing), ("enroll", nothing)]
        );
    }

    #[test]
    fn paths_that_apt_reads_are_found_without_the_router() {
        let cases = [
            ("/dists/stable/InRelease", Some(("dists", "stable"))),
            ("/dists/%2e%2e/InRelease", Some(("dists", "%2e%2e"))),
            ("/dists/", Some(("dists", ""))),
            ("/pool/main/a/x.deb", Some(("pool", ""))),
            ("/snapshot/41/dists/stable/InRelease", Some(("snapshot", ""))),
            ("/dists", None),
            ("/api/v1/suites/stable", None),
            ("/", None),
        ];
        for (path, found) in cases {
            assert_eq!(match_file(path).map(|(route, suite)| (route.name, suite)), found, "{path}");
        }
    }
}
