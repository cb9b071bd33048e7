//! Rows: what hosts report of themselves, and what is asked of the fleet.

use axum::routing::on;

use super::needs::{HOST, ISSUER, MISSING, of};
use crate::api::{
    Code, FleetDiff, FleetDiffQuery, FleetQuery, FleetSuite, MOST_REPORT_BYTES, REPORT_TYPE,
    ReportOutcome, ReportView, WhoHas, WhoHasQuery,
};
use crate::http::fleet;
use crate::http::route::{Limit, Route};

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
    Route::get("/fleet/diff", "fleet_diff", |method| on(method, fleet::difference))
        .needs(ISSUER)
        .summary("What the hosts of a group do not have alike")
        .query(of::<FleetDiffQuery>())
        .gives(of::<FleetDiff>())
        .problems(MISSING),
];
