//! Scrub: a server that runs reads all that is stored again, names what rots, and goes on where it was
//! after a restart.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use super::*;

const UNLIMITED: &str = "[scrub]\nbytes_per_second = 1099511627776\n\
    least_bytes_per_second = 1099511627776\nwait_seconds = 0";
/// How long a pass may take on a machine that has much else to do.
const PASS: Duration = Duration::from_secs(120);

/// A kind of stored file, one that rots, where, and what is said of it when a bit is flipped, and when
/// it is gone.
type Case = (&'static str, fn(&House) -> PathBuf, usize, &'static str, &'static str);

const CASES: [Case; 6] = [
    ("pool/packs/", |house| house.first("packs"), 300, "pack ", "of indices is lost"),
    (
        "pool/blobs/",
        |house| house.first("blobs"),
        700,
        "has another digest or size",
        "is lost; upload",
    ),
    (
        "pool/bundles/",
        |house| house.first("bundles"),
        999,
        "the .deb of acme-many",
        "the .deb of acme-many",
    ),
    (
        "floor/",
        |house| house.at("floor/edge"),
        0,
        "the date floor of edge",
        "edge has no date floor",
    ),
    (
        "keys/archive-key.asc",
        |house| house.at("keys/archive-key.asc"),
        500,
        "the audit log",
        "the public keys",
    ),
    ("keys/signing.asc", |house| house.at("keys/signing.asc"), 500, "the keyring", "the keyring"),
];

/// The kind that has a test of its own.
const CATALOGUE: &str = "catalogue.sqlite";

/// Whether a test here has the scrub find what rots of a kind.
pub(super) fn finds(kind: &str) -> bool {
    kind == CATALOGUE || CASES.iter().any(|(one, ..)| *one == kind)
}

impl House {
    fn at(&self, below: &str) -> PathBuf {
        self.server.data().join(below)
    }

    /// Writes other options of the scrub; the server reads them when it starts.
    fn set_scrub(&self, from: &str, to: &str) {
        let path = self.at("repod.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from));
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    fn passes(&self) -> usize {
        self.server.log().matches("the scrub ended").count()
    }

    #[track_caller]
    fn wait_for(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            assert!(begun.elapsed() < PASS, "{what}: never\n{}", self.server.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Has all of it scrubbed, and gives what the log says of it.
    #[track_caller]
    fn scrub(&self) -> String {
        let (before, said) = (self.passes(), self.server.log().len());
        // As the runbook has it.
        fs::remove_file(self.at("scrub")).unwrap();
        self.wait_for("a pass ends", |house| house.passes() > before);
        self.server.log()[said..].to_owned()
    }

    fn metrics(&self) -> String {
        let text = fs::read_to_string(self.at("repod.toml")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("local = [\"")).unwrap();
        let url = format!("http://{}/metrics", line.split('"').next().unwrap());
        let curl =
            crate::harness::programs::program("curl").args(["--silent", "--fail", &url]).run();
        curl.expect_success().stdout
    }

    fn metric(&self, name: &str) -> u64 {
        let page = self.metrics();
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    }
}

/// A server with everything that can rot, which has scrubbed all of it once.
fn scrubbed() -> House {
    let mut house = House::new();
    let debs: Vec<_> = (10..40)
        .map(|number| house.server.deb(&package(&format!("acme-many{number}"), "1.0")))
        .collect();
    let words = ["upload", "--suite", "stable"].into_iter().chain(debs.iter().map(String::as_str));
    house.server.repoctl(&words.collect::<Vec<_>>()).expect_success();
    // A suite in which nothing changes, so that nothing writes its floor anew.
    house.server.repoctl(&["suite", "create", "edge", "--architectures", "amd64"]).expect_success();
    let quiet = house.server.deb(&package("acme-quiet", "1.0"));
    house.server.repoctl(&["upload", "--suite", "edge", &quiet]).expect_success();
    house
        .server
        .repoctl(&["host", "grant", HOST, "--suite", "stable", "--suite", "edge"])
        .expect_success();
    house.packages = house.whole();
    house.server.stop();
    house.set_scrub("[scrub]", UNLIMITED);
    house.server.serve();
    house.wait_for("the first pass ends", |house| house.passes() == 1);
    house.whole();
    house.whole_of("edge");
    house
}

#[test]
fn the_scrub_of_a_server_finds_every_kind_of_rot_and_forgets_it_when_it_is_mended() {
    let house = scrubbed();
    let log = house.server.log();
    assert!(!log.contains("the scrub found"), "{log}");
    for (rot, at) in [(Rot::Flipped, 3), (Rot::Gone, 4)] {
        let rotten: Vec<_> = CASES.iter().map(|case| (case, (case.1)(&house))).collect();
        let sound: Vec<_> = rotten.iter().map(|(_, path)| fs::read(path).unwrap()).collect();
        rotten.iter().for_each(|(case, path)| rot.befall(path, case.2));
        let said = house.scrub();
        for (case, _) in &rotten {
            let says = if at == 3 { case.3 } else { case.4 };
            let is_said = |line: &str| line.contains("the scrub found") && line.contains(says);
            assert!(said.lines().any(is_said), "{} {rot:?}: {said}", case.0);
        }
        let warnings = house.warnings();
        for says in
            ["damage", "scrub-finding", "the date floor", "the keyring", "upload the same file"]
        {
            let says = if at == 4 { says.trim_start_matches("the ") } else { says };
            assert!(warnings.contains(says), "{says} {rot:?}: {warnings}");
        }
        for kind in ["pack", "package", "file"] {
            let name = format!("repod_scrub_findings_total{{kind=\"{kind}\"}}");
            assert!(house.metric(&name) >= 1, "{kind}");
        }
        // What the server repaired meanwhile has the same bytes.
        for ((_, path), bytes) in rotten.iter().zip(sound) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        house.wait_for("repairs end", |house| !house.warnings().contains("a repair begins"));
        // Nothing is left to be signed, which would write the floor anew.
        assert_eq!(house.whole(), house.packages);
    }
    let said = house.scrub();
    assert!(said.contains("the scrub found mended"), "{said}");
    house.wait_for("all is well", |house| {
        let warnings = house.warnings();
        !warnings.contains("damage") && !warnings.contains("scrub-")
    });
    assert!(house.metric("repod_scrub_passes_total") >= 4);
    assert_eq!(house.metric("repod_scrub_last_findings"), 0);
    assert!(house.metric("repod_scrub_bytes_read_total") > 100_000);
    assert!(house.metric("repod_scrub_last_completed_timestamp_seconds") > 1_700_000_000);
    let shown = house.server.repoctl(&["status"]).expect_success().stdout;
    assert!(shown.contains("last scrub") && shown.contains("no findings"), "{shown}");
    assert_eq!(house.whole(), house.packages);
}

/// Where the root page of a table lies in the file. Unit: bytes.
fn page_of(house: &House, table: &str) -> u64 {
    let raw = rusqlite::Connection::open(house.at(CATALOGUE)).unwrap();
    let root = "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    let root: i64 = raw.query_row(root, [table], |row| row.get(0)).unwrap();
    let size: i64 = raw.pragma_query_value(None, "page_size", |row| row.get(0)).unwrap();
    u64::try_from((root - 1) * size).unwrap()
}

fn flip(path: &Path, at: u64) {
    let mut file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte[0] ^ 1]).unwrap();
}

#[test]
fn the_scrub_of_a_server_finds_what_is_wrong_with_the_catalogue_and_that_it_is_gone() {
    let mut house = scrubbed();
    house.server.stop();
    let (file, at) = (house.at(CATALOGUE), page_of(&house, "snapshot"));
    house.server.serve();
    // The kind of the page: no other bytes of it make sense any more.
    flip(&file, at);
    let said = house.scrub();
    assert!(said.contains("the scrub found: the catalogue: table snapshot"), "{said}");
    assert!(house.warnings().contains("the catalogue: table snapshot"), "{}", house.warnings());
    // It is told again after a restart, and looked at: it is still so.
    house.server.stop();
    house.server.serve();
    house.wait_for("it is told again", |house| {
        house.warnings().contains("the catalogue: table snapshot")
    });
    flip(&file, at);
    house.scrub();
    assert!(!house.warnings().contains("scrub-"), "{}", house.warnings());
    // One row of many: no page is wrong, but what it says.
    let sql = "UPDATE chunk SET run_offset = run_offset + 1 WHERE id = (SELECT MAX(id) FROM chunk)";
    let raw = rusqlite::Connection::open(&file).unwrap();
    assert_eq!(raw.execute(sql, []).unwrap(), 1);
    drop(raw);
    let said = house.scrub();
    assert!(said.contains("the scrub found") && said.contains("kind=\"index\""), "{said}");
    house.wait_for("it is repaired", |house| !house.warnings().contains("a repair begins"));
    let away = house.at("away");
    fs::rename(&file, &away).unwrap();
    let said = house.scrub();
    assert!(said.contains("catalogue.sqlite is gone"), "{said}");
    fs::rename(&away, &file).unwrap();
    let said = house.scrub();
    assert!(said.contains("the scrub found mended"), "{said}");
    assert!(!house.warnings().contains("scrub-"), "{}", house.warnings());
    assert_eq!(house.whole(), house.packages);
}

#[test]
fn a_scrub_that_is_killed_goes_on_where_it_was_and_one_without_its_place_begins_anew() {
    let mut house = House::new();
    let noise: Vec<u8> = (0..6_000_000_u64)
        .map(|at| (at.wrapping_mul(at).wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let large = package("acme-large", "1.0").file("opt/acme/large", &noise);
    let large = house.server.deb(&large);
    house.server.repoctl(&["upload", "--suite", "stable", &large]).expect_success();
    // All but that package is read in some seconds.
    let slow =
        "[scrub]\nbytes_per_second = 400000\nleast_bytes_per_second = 400000\nwait_seconds = 0";
    house.server.stop();
    house.set_scrub("[scrub]", slow);
    house.server.serve();
    let place = house.at("scrub");
    let kept = |_: &House| fs::read_to_string(&place).unwrap_or_default();
    house.wait_for("it reads packages", |house| kept(house).contains("\"stage\":\"packages\""));
    assert!(house.warnings().contains("\"expected_bytes\""), "{}", house.warnings());
    let read = |text: &str| -> u64 {
        let found = text.split("\"read_bytes\":").nth(1).unwrap();
        found.split([',', '}']).next().unwrap().parse().unwrap()
    };
    let before = read(&kept(&house));
    assert!(before > 100_000, "{before}");
    house.server.kill();
    house.server.serve();
    house.wait_for("it goes on", |house| {
        house.server.log().contains("the scrub goes on where it was")
    });
    let log = house.server.log();
    let line = log.lines().find(|line| line.contains("the scrub goes on")).unwrap();
    assert!(line.contains("Packages") && line.contains(&format!("read_bytes={before}")), "{line}");
    assert_eq!(log.matches("a scrub of all that is stored begins").count(), 1, "{log}");
    house.server.kill();
    // A place that rots is none.
    Rot::Flipped.befall(&place, 400);
    house.set_scrub(slow, UNLIMITED);
    house.server.serve();
    house.wait_for("a pass ends", |house| house.passes() == 1);
    let log = house.server.log();
    assert!(log.contains("the place of the scrub is lost; it begins anew"), "{log}");
    assert_eq!(log.matches("a scrub of all that is stored begins").count(), 2, "{log}");
    // The next one is due in a month; a restart does not hasten it.
    house.server.stop();
    house.server.serve();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(house.server.log().matches("a scrub of all that is stored begins").count(), 2);
}

#[test]
fn what_was_damaged_when_the_server_stopped_is_told_after_the_restart() {
    let mut house = scrubbed();
    let blob = house.first("blobs");
    let sound = fs::read(&blob).unwrap();
    Rot::Flipped.befall(&blob, 500);
    house.scrub();
    assert!(house.warnings().contains("damaged or lost"), "{}", house.warnings());
    house.server.kill();
    house.server.serve();
    house.wait_for("it is told", |house| house.warnings().contains("damaged or lost"));
    fs::write(&blob, sound).unwrap();
    assert!(!house.warnings().contains("damaged or lost"), "{}", house.warnings());
}
