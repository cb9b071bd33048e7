//! A clock that jumps: nothing is signed by it that nobody asked for, and once it is right again all goes on.

mod hosts;
mod matrix;

use repod::domain::{AliasEdit, Change, PinKind, PinTarget, SuiteEdit};
use repod::flow::access::certificates;
use repod::flow::change::submit::{Terms, submit};
use repod::flow::report::{clock, health};
use repod::flow::upkeep::{refresh, suite};
use repod::time::{Clock as _, Moment};

use crate::renewal::{DAY, Moved, stable};

const HOUR: i64 = 3_600;
const JUMPS: [i64; 6] = [HOUR, -HOUR, 8 * DAY, -8 * DAY, 30 * DAY, -30 * DAY];

impl Moved {
    /// Sets the clock, and has everything looked at that runs by itself.
    async fn jump(&self, seconds: i64) {
        self.clock.jump(seconds);
        self.look().await;
    }

    async fn look(&self) {
        refresh::refresh(&self.repository).await;
        refresh::tidy(&self.repository).await;
    }

    /// Time passes while everything is looked at every twenty seconds, as the server does.
    async fn pass(&self, seconds: i64) {
        for _ in 0..seconds / 20 {
            self.later(20);
            self.look().await;
        }
        self.later(seconds % 20);
    }

    async fn tried(&self, change: Change) -> Result<(), String> {
        self.later(2);
        let done = submit(&self.repository, &self.admin, &stable(), change, Terms::default()).await;
        done.map(drop).map_err(|problem| problem.to_string())
    }

    async fn roll_back(&self) -> Result<(), String> {
        self.tried(Change::RollBack(vec![source()], None)).await
    }

    async fn add(&self, version: &str) -> Result<(), String> {
        let digest = self.stage("acme-web", version).await;
        self.tried(Change::Add(vec![("main".parse().unwrap(), digest)])).await
    }

    /// Everything that is signed and what it is dated: the head, the list, the CA, the checkpoint.
    fn signed(&self) -> (repod::domain::Head, String, String, String) {
        let list = std::fs::read_to_string(self.data.join("ca/crl.pem")).unwrap();
        let authority = self.repository.authority.as_ref().unwrap().lock().unwrap();
        let certificate = authority.certificate_pem().to_owned();
        let server = std::fs::read_to_string(self.data.join("tls/server.crt")).unwrap();
        (self.head(), list, certificate, server)
    }

    /// When the list in force was made.
    fn listed_at(&self) -> Moment {
        self.repository.trust.current().crls().next().unwrap().this_update()
    }

    fn is_open(&self) -> bool {
        self.repository.trust.current().gate(self.clock.now()).is_ok()
    }

    async fn warnings(&self) -> Vec<&'static str> {
        let report = health::server(&self.repository, &self.admin, None).await.unwrap();
        report.concerns.iter().map(|concern| concern.code.as_str()).collect()
    }

    async fn text_of(&self, code: &str) -> String {
        let report = health::server(&self.repository, &self.admin, None).await.unwrap();
        let found = report.concerns.into_iter().find(|concern| concern.code.as_str() == code);
        found.unwrap_or_else(|| panic!("no {code}")).text
    }

    fn verbs(&self) -> Vec<(String, String)> {
        let entries = self.repository.catalogue.list_last_entries(&Default::default(), None, 10);
        entries.unwrap().into_iter().map(|one| (one.event.verb, one.event.detail)).collect()
    }
}

fn source() -> PinTarget {
    PinTarget { kind: PinKind::Source, name: "acme-web".parse().unwrap() }
}

/// A server that runs for a while, with two releases.
async fn running() -> Moved {
    let moved = Moved::start().await;
    moved.upload("acme-web", "1.0").await;
    moved.upload("acme-web", "2.0").await;
    moved.pass(10 * 60).await;
    moved
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_of_seconds_signs_nothing_by_itself_and_changes_go_on_after_it() {
    for off in JUMPS {
        let moved = running().await;
        let pinned = Change::Pin(source(), "2.0".parse().unwrap(), Some(2));
        moved.tried(pinned).await.unwrap();
        moved.pass(60).await;
        let staged = moved.stage("acme-web", "3.0").await;
        let (before, pins) = (moved.signed(), moved.repository.desk(&stable()).unwrap().state());
        moved.jump(off).await;
        moved.pass(25).await;
        assert!(moved.signed() == before, "{off}: something was signed");
        let state = moved.repository.desk(&stable()).unwrap().state();
        assert_eq!(state.pins, pins.pins, "{off}: a pin ended");
        assert!(moved.warnings().await.contains(&"clock-in-doubt"), "{off}");
        moved.jump(-off).await;
        moved.pass(20).await;
        assert!(moved.is_open(), "{off}");
        assert_eq!(moved.warnings().await, ["clock-jumped"], "{off}");
        // What was sent before the jump is still there.
        moved.tried(Change::Add(vec![("main".parse().unwrap(), staged)])).await.unwrap();
        moved.tried(Change::Unpin(vec![source()])).await.unwrap();
        assert_eq!(moved.listed(), ["acme-web 3.0"], "{off}");
        moved.roll_back().await.unwrap();
        assert_eq!(moved.listed(), ["acme-web 2.0"], "{off}");
        assert!(moved.head().date <= moved.clock.now(), "{off}");
        moved.pass(HOUR).await;
        assert_eq!(moved.warnings().await, [""; 0], "{off}: told for ever");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_ask_for_while_the_clock_is_ahead_has_the_right_date() {
    for off in [HOUR, 8 * DAY, 30 * DAY] {
        let moved = running().await;
        moved.jump(off).await;
        moved.roll_back().await.unwrap();
        let right = moved.clock.now().plus(-off);
        assert_eq!(moved.head().date, right, "{off}");
        assert_eq!(moved.listed(), ["acme-web 1.0"]);
        moved.jump(-off).await;
        moved.add("3.0").await.unwrap();
        moved.tried(Change::Unpin(Vec::new())).await.unwrap();
        assert_eq!(moved.listed(), ["acme-web 3.0"]);
        let record = moved.repository.catalogue.list_generations(&stable(), None, 5).unwrap();
        assert!(record.iter().all(|one| one.at <= moved.clock.now()), "{off}: {record:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_behind_refuses_changes_and_says_what_to_do() {
    for off in [-HOUR, -8 * DAY, -30 * DAY] {
        let moved = running().await;
        moved.upload("acme-web", "3.0").await;
        let before = moved.head();
        moved.jump(off).await;
        let problem = moved.roll_back().await.unwrap_err();
        assert!(problem.contains("set the machine's clock right"), "{problem}");
        assert!(problem.contains("repoctl suite redate stable"), "{problem}");
        assert_eq!(moved.head(), before);
        let text = moved.text_of("suite-dated-ahead").await;
        assert!(text.contains("ahead of the server's clock"), "{text}");
        moved.jump(-off).await;
        moved.roll_back().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_stays_counts_after_an_hour_and_once_it_was_wrong_all_goes_on_by_the_override()
{
    for off in [HOUR, 8 * DAY, 30 * DAY] {
        let moved = running().await;
        let before = moved.signed();
        moved.jump(off).await;
        moved.pass(HOUR - 40).await;
        assert_eq!(moved.head(), before.0, "{off}");
        // Where nobody would be served any more, the list alone is renewed.
        assert!(moved.is_open(), "{off}");
        moved.pass(60).await;
        assert!(moved.warnings().await.contains(&"clock-jumped"), "{off}");
        moved.add("3.0").await.unwrap();
        assert!(moved.head().date >= before.0.date.plus(off), "{off}: the new time counts");
        // Somebody sets the clock right: at once all but the suite is as it was.
        moved.jump(-off).await;
        moved.pass(40).await;
        assert!(moved.is_open(), "{off}: closed for good");
        assert!(moved.listed_at() <= moved.clock.now(), "{off}: the list is dated ahead");
        assert_eq!(moved.warnings().await, ["clock-jumped", "suite-dated-ahead"], "{off}");
        let problem = moved.roll_back().await.unwrap_err();
        assert!(problem.contains("repoctl suite redate stable"), "{problem}");
        redate(&moved).await;
        moved.roll_back().await.unwrap();
        assert!(moved.head().date <= moved.clock.now(), "{off}");
    }
}

async fn redate(moved: &Moved) {
    let told = moved.verbs().len();
    suite::redate(&moved.repository, &moved.admin, &stable()).await.unwrap();
    assert_eq!(moved.head().date, moved.clock.now());
    let verbs = moved.verbs();
    assert!(verbs.len() <= 10 && told <= 10);
    let [(last, done), (first, begun), ..] = verbs.as_slice() else { panic!("{verbs:?}") };
    assert_eq!([last.as_str(), first.as_str()], ["suite-redate"; 2]);
    assert!(begun.ends_with("begun") && done.starts_with("from Date "), "{begun}; {done}");
    // Once is enough, and where nothing lies ahead it is refused.
    moved.later(2);
    let refused = suite::redate(&moved.repository, &moved.admin, &stable()).await.unwrap_err();
    assert!(refused.to_string().contains("nothing has to be started anew"), "{refused}");
    assert!(!moved.warnings().await.contains(&"suite-dated-ahead"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_override_holds_over_a_restart_and_for_the_alias() {
    let moved = running().await;
    let alias = AliasEdit { alias: Some("current".parse().unwrap()), from: None };
    let edit = SuiteEdit { alias: Some(Box::new(alias)), ..SuiteEdit::default() };
    moved.tried(Change::Edit(Box::new(edit))).await.unwrap();
    moved.jump(8 * DAY).await;
    moved.pass(HOUR + 20).await;
    moved.add("3.0").await.unwrap();
    moved.jump(-8 * DAY).await;
    redate(&moved).await;
    let moved = moved.reopened().await;
    assert!(moved.head().date <= moved.clock.now());
    moved.roll_back().await.unwrap();
    assert_eq!(moved.listed(), ["acme-web 2.0"]);
    let floor = moved.repository.catalogue.find_floor(&"current".parse().unwrap()).unwrap();
    assert_eq!(floor, Some(moved.head().date));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_dated_ahead_is_replaced_without_a_restart() {
    // As a clock that was ahead left it, by an earlier build or after an hour.
    for off in [HOUR, 8 * DAY, 30 * DAY] {
        let moved = running().await;
        moved.clock.jump(off);
        certificates::publish_crl(&moved.repository).unwrap();
        // The time of the list is the earlier of both, unless that is out of date.
        let is_ahead = moved.listed_at() > moved.clock.now().plus(-off + 60);
        assert_eq!(is_ahead, off > 4 * DAY, "{off}");
        moved.clock.jump(-off);
        assert_eq!(moved.is_open(), !is_ahead, "{off}");
        moved.pass(20).await;
        assert!(moved.is_open(), "{off}: refused until a restart");
        assert!(moved.listed_at() <= moved.clock.now(), "{off}");
        assert!(!moved.warnings().await.contains(&"crl-dated-ahead"), "{off}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_a_wrong_clock_waits_until_it_agrees() {
    for off in JUMPS {
        let moved = running().await;
        moved.repository.signer.keep_reading(&moved.clock.reading()).unwrap();
        let before = moved.signed();
        moved.clock.jump(off);
        let moved = moved.reopened().await;
        moved.look().await;
        assert!(moved.signed() == before, "{off}: something was signed");
        let warnings = moved.warnings().await;
        assert!(warnings.contains(&"clock-in-doubt"), "{off}: {warnings:?}");
        assert_eq!(warnings.contains(&"suite-dated-ahead"), off < 0, "{off}: {warnings:?}");
        moved.pass(25).await;
        moved.jump(-off).await;
        moved.pass(20).await;
        assert!(moved.is_open(), "{off}");
        assert!(
            clock::concern(&moved.repository)
                .is_some_and(|one| one.code.as_str() == "clock-jumped")
        );
        moved.add("3.0").await.unwrap();
        moved.roll_back().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_change_in_a_jump_is_listed_when_the_clock_is_right_again() {
    let moved = running().await;
    let edit = SuiteEdit { contents: Some(true), ..SuiteEdit::default() };
    let before = moved.head();
    moved.tried(Change::Edit(Box::new(edit))).await.unwrap();
    until_signed_again(&moved, &before, "/Contents-amd64.gz").await;
    moved.pass(10 * 60).await;
    moved.jump(8 * DAY).await;
    let other = moved.stage("acme-db", "1.0").await;
    moved.tried(Change::Add(vec![("main".parse().unwrap(), other)])).await.unwrap();
    let first = moved.head();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    moved.pass(10 * 60).await;
    assert_eq!(moved.head(), first, "a head was signed that nobody asked for");
    moved.jump(-8 * DAY).await;
    until_signed_again(&moved, &first, "/Contents-amd64.gz").await;
    assert_eq!(moved.head().generation, first.generation);
}

/// Waits until another head than this one is signed that lists the file.
async fn until_signed_again(moved: &Moved, before: &repod::domain::Head, file: &str) {
    let begun = std::time::Instant::now();
    while moved.head() == *before || !moved.head().release.contains(file) {
        assert!(begun.elapsed().as_secs() < 30, "{}", moved.head().release);
        moved.later(1);
        moved.look().await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_least_half_of_every_validity_is_left_when_a_clock_was_in_doubt() {
    let moved = running().await;
    let half = |head: &repod::domain::Head| head.valid_until.since(head.date) / 2;
    // The last moment at which a renewal may not be due yet, and then the longest doubt.
    let first = moved.head();
    moved.later(half(&first) - HOUR - moved.clock.now().since(first.date) - 1);
    refresh::refresh(&moved.repository).await;
    assert_eq!(moved.head(), first);
    moved.jump(60).await;
    moved.pass(HOUR + 20).await;
    let renewed = moved.head();
    assert_ne!(renewed, first);
    // The jump itself is no time that passed.
    let waited = renewed.date.since(first.date) - 60;
    assert!(waited <= half(&first) + 40, "{waited}");
}
