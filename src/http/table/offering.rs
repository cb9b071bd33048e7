//! Rows: what suites offer is asked, packages are sent, and suites are changed.

use axum::routing::on;

use super::needs::{ADMIN, CHANGES, HOST, MISSING, OPERATOR, UPLOADER, of};
use crate::api::{
    BATCH_TYPE, BlobOutcomes, BlobReceipt, ChangeOutcome, ChangeRequest, Code, Diff, DiffQuery,
    Digests, GenerationView, GenerationsQuery, MOST_BATCH_BYTES, MOST_DIGESTS, MOST_ITEMS,
    MissingBlobs, PackagesQuery, PinView, PlacementView, RolloutView, RolloutsQuery, SearchQuery,
    Status, SuiteDefinition, SuiteEdit, SuitePlacement, SuiteRedate, SuiteView, WhoAmI,
    YankRequest, YankView,
};
use crate::http::route::{Limit, Needs, Route};
use crate::http::{changes, openapi, reports, rollouts, suites, uploads, yanks};

const DEB_TYPE: &str = "application/vnd.debian.binary-package";
/// As many digests as may be asked about, each of 64 digits, also where each has a line. Unit: bytes.
const DIGESTS_BYTES: usize = MOST_DIGESTS * 96;
/// As many packages as may be named, each with its digest and the longest usual component. Unit: bytes.
const CHANGE_BYTES: usize = MOST_ITEMS * 160;
/// When an upload is answered with 202.
const WAITING: &str = "Taken and stored, but at least one of the packages is not offered to hosts: a pin or a higher version is in front of it, the suite is held, or it was rolled back from.";
const MOST_BATCH: Limit = Limit::Bytes(MOST_BATCH_BYTES as usize);
/// What the sending of packages may be answered with.
const PACKAGES: &[Code] = &[
    Code::Rejected,
    Code::DigestMismatch,
    Code::VersionConflict,
    Code::TooLarge,
    Code::Timeout,
    Code::Busy,
    Code::OutOfSpace,
];

pub(super) const ASKING: &[Route] = &[
    Route::get("/openapi.json", "openapi", |method| on(method, openapi::show))
        .needs(Needs::Certificate)
        .summary("This description")
        .gives_bytes("application/json"),
    Route::get("/whoami", "whoami", |method| on(method, reports::whoami))
        .needs(HOST)
        .summary("Who the server takes the caller for")
        .gives(of::<WhoAmI>()),
    Route::get("/status", "status", |method| on(method, reports::status))
        .needs(HOST)
        .summary("How the server and the suites are that the caller may read")
        .gives(of::<Status>()),
    Route::get("/suites", "list_suites", |method| on(method, suites::list))
        .needs(HOST)
        .summary("Every suite that the caller may read")
        .gives(of::<Vec<SuiteView>>()),
    Route::get("/suites/{suite}", "view_suite", |method| on(method, suites::show))
        .needs(HOST)
        .summary("A suite and where it stands")
        .gives(of::<SuiteView>())
        .problems(MISSING),
    Route::get("/suites/{suite}/packages", "list_packages", |m| on(m, reports::packages))
        .needs(HOST)
        .summary("The packages of a suite")
        .query(of::<PackagesQuery>())
        .gives(of::<Vec<PlacementView>>())
        .problems(MISSING),
    Route::get("/suites/{suite}/generations", "list_generations", |m| on(m, reports::history))
        .needs(HOST)
        .summary("The generations of a suite, newest first")
        .query(of::<GenerationsQuery>())
        .gives(of::<Vec<GenerationView>>())
        .problems(MISSING),
    Route::get("/suites/{suite}/diff", "diff", |method| on(method, reports::diff))
        .needs(HOST)
        .summary("What differs between two generations")
        .query(of::<DiffQuery>())
        .gives(of::<Diff>())
        .problems(MISSING),
    Route::get("/suites/{suite}/rollouts", "list_rollouts", |method| on(method, rollouts::list))
        .needs(HOST)
        .summary("The rollouts of a suite, newest first")
        .query(of::<RolloutsQuery>())
        .gives(of::<Vec<RolloutView>>())
        .problems(MISSING),
    Route::get("/yanks", "list_yanks", |method| on(method, yanks::list))
        .needs(HOST)
        .summary("The versions that are yanked, of suites that the caller may read")
        .gives(of::<Vec<YankView>>()),
    Route::get("/suites/{suite}/pins", "list_pins", |method| on(method, reports::pins))
        .needs(HOST)
        .summary("The pins of a suite")
        .gives(of::<Vec<PinView>>())
        .problems(MISSING),
    Route::get("/pins", "list_all_pins", |method| on(method, reports::all_pins))
        .needs(HOST)
        .summary("The pins of every suite that the caller may read")
        .gives(of::<Vec<PinView>>()),
    Route::get("/packages", "search", |method| on(method, reports::search))
        .needs(HOST)
        .summary("Packages by name, in every suite that the caller may read")
        .query(of::<SearchQuery>())
        .gives(of::<Vec<SuitePlacement>>()),
];

pub(super) const UPLOADING: &[Route] = &[
    Route::put("/suites/{suite}/{component}/{file}", "upload", |m| on(m, uploads::package))
        .needs(UPLOADER)
        .verb("add")
        .summary("Publish one package; answered when it is live, or stored and waits")
        .takes_bytes(DEB_TYPE, Limit::Package)
        .gives(of::<ChangeOutcome>())
        .accepts(WAITING)
        .problems(&[
            Code::Missing,
            Code::Rejected,
            Code::VersionConflict,
            Code::ChangeRefused,
            Code::TooLarge,
            Code::Timeout,
            Code::Busy,
            Code::ClockBehind,
            Code::OutOfSpace,
        ]),
    Route::post("/blobs/missing", "missing_blobs", |method| on(method, uploads::missing))
        .needs(UPLOADER)
        .verb("send")
        .summary("Those of these packages that still have to be sent")
        .takes(of::<Digests>())
        .at_most(DIGESTS_BYTES)
        .gives(of::<MissingBlobs>()),
    Route::put("/blobs/{digest}", "send_blob", |method| on(method, uploads::blob))
        .needs(UPLOADER)
        .verb("send")
        .summary("Send a package that a change will name")
        .takes_bytes(DEB_TYPE, Limit::Package)
        .gives(of::<BlobReceipt>())
        .problems(PACKAGES),
    Route::post("/blobs", "send_blobs", |method| on(method, uploads::blobs))
        .needs(UPLOADER)
        .verb("send")
        .summary("Send many small packages that a change will name")
        .takes_bytes(BATCH_TYPE, MOST_BATCH)
        .gives(of::<BlobOutcomes>())
        .problems(&[Code::LengthRequired, Code::Timeout, Code::Busy, Code::OutOfSpace]),
];

pub(super) const CHANGING: &[Route] = &[
    Route::post("/suites/{suite}/changes", "change", |method| on(method, changes::change))
        .needs(UPLOADER)
        .verb("change")
        .summary(
            "Change what a suite offers; add and promote take an uploader, all else an operator",
        )
        .takes(of::<ChangeRequest>())
        .at_most(CHANGE_BYTES)
        .gives(of::<ChangeOutcome>())
        .accepts(WAITING)
        .problems(CHANGES),
    Route::post("/yanks", "yank", |method| on(method, yanks::yank))
        .needs(OPERATOR)
        .verb("yank")
        .summary("Have a version offered nowhere in its namespace, or let it come back")
        .takes(of::<YankRequest>())
        .gives(of::<Vec<ChangeOutcome>>())
        .problems(CHANGES),
    Route::post("/suites", "create_suite", |method| on(method, suites::create))
        .needs(ADMIN)
        .verb("suite-create")
        .summary("Make a suite")
        .takes(of::<SuiteDefinition>())
        .gives(of::<SuiteView>())
        .problems(&[Code::Exists, Code::ChangeRefused, Code::Busy, Code::ClockBehind]),
    Route::patch("/suites/{suite}", "edit_suite", |method| on(method, suites::edit))
        .needs(ADMIN)
        .verb("suite-edit")
        .summary("Alter what a suite says of itself")
        .takes(of::<SuiteEdit>())
        .gives(of::<ChangeOutcome>())
        .problems(CHANGES),
    Route::post("/suites/{suite}/redate", "redate_suite", |method| on(method, suites::redate))
        .needs(ADMIN)
        .verb("suite-redate")
        .summary("Start the Dates of a suite anew at the present, where the last one lies ahead")
        .takes(of::<SuiteRedate>())
        .gives(of::<SuiteView>())
        .problems(&[Code::Missing, Code::ChangeRefused, Code::Busy, Code::OutOfSpace]),
    Route::delete("/suites/{suite}", "remove_suite", |method| on(method, suites::remove))
        .needs(ADMIN)
        .verb("suite-remove")
        .summary("Remove an empty suite; with If-Match only while that is its last generation")
        .problems(&[Code::Missing, Code::NotEmpty, Code::GenerationMoved, Code::Busy]),
];
