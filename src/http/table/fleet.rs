//! Rows: what hosts report of themselves, and what is asked of the fleet.

use axum::routing::on;

use super::needs::{HOST, ISSUER, MISSING, OPERATOR, of};
use crate::api::{
    Code, FleetDiff, FleetDiffQuery, FleetInstalled, FleetQuery, FleetSuite, HealthIgnore,
    HealthIgnored, HealthQuery, HealthResult, HealthView, InstalledQuery, MOST_REPORT_BYTES,
    REPORT_TYPE, ReportOutcome, ReportView, WhoHas, WhoHasQuery,
};
use crate::http::route::{Limit, Route};
use crate::http::{fleet, health, installed};

pub(super) const FLEET: &[Route] = &[
    Route::post("/report", "report", |method| on(method, fleet::report))
        .needs(HOST)
        .who("the host itself")
        .verb("report")
        .summary("What the caller has installed: all of it, or what differs from before")
        .takes_bytes(REPORT_TYPE, Limit::Bytes(MOST_REPORT_BYTES))
        .gives(of::<ReportOutcome>())
        .problems(&[Code::Busy, Code::OutOfSpace]),
    Route::get("/hosts/{name}/report", "host_report", |method| on(method, fleet::host_report))
        .needs(HOST)
        .who("operator, or the host itself")
        .summary("The last report of a host, in short")
        .gives(of::<ReportView>())
        .problems(MISSING),
    Route::get("/hosts/{name}/health", "host_health", |method| on(method, health::show))
        .needs(HOST)
        .who("operator, or the host itself")
        .summary("What the checks of a host last said, and what others said of it")
        .query(of::<HealthQuery>())
        .gives(of::<HealthView>())
        .problems(MISSING),
    Route::post("/suites/{suite}/hosts/{name}/health", "note_health", |m| on(m, health::note))
        .needs(OPERATOR)
        .verb("health")
        .summary("What somebody else says of a host; it is answered with the host's health")
        .takes(of::<HealthResult>())
        .gives(of::<HealthView>())
        .problems(&[Code::Missing, Code::OutOfSpace]),
    Route::post("/hosts/{name}/health/ignore", "ignore_health", |m| on(m, health::ignore))
        .needs(ISSUER)
        .verb("health-ignore")
        .summary("Leave the failures of a host out of the count for a time, or count them again")
        .takes(of::<HealthIgnore>())
        .gives(of::<HealthIgnored>())
        .problems(&[Code::Missing, Code::OutOfSpace]),
    Route::get("/fleet", "fleet", |method| on(method, fleet::summary))
        .needs(ISSUER)
        .summary("How the hosts of each suite stand to it")
        .query(of::<FleetQuery>())
        .gives(of::<Vec<FleetSuite>>())
        .problems(MISSING),
    Route::get("/fleet/who-has", "who_has", |method| on(method, fleet::who_has))
        .needs(ISSUER)
        .summary("The hosts that have a package installed, and those of which that is not known")
        .query(of::<WhoHasQuery>())
        .gives(of::<WhoHas>()),
    Route::get("/fleet/installed", "fleet_installed", |method| on(method, installed::installed))
        .needs(ISSUER)
        .summary("What every host has installed, to be joined with what is known of flaws")
        .query(of::<InstalledQuery>())
        .gives(of::<FleetInstalled>()),
    Route::get("/fleet/diff", "fleet_diff", |method| on(method, fleet::difference))
        .needs(ISSUER)
        .summary("What the hosts of a group do not have alike")
        .query(of::<FleetDiffQuery>())
        .gives(of::<FleetDiff>())
        .problems(MISSING),
];
