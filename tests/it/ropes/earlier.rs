//! A data directory of the build before, whose gzip files have a member for each chunk, goes on: what was
//! published keeps its bytes, changes do not wait, and the suite gets files of one member in one step.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use repod::debian::{ReleaseText, SuiteName, framing};
use repod::digest::Digest;
use repod::domain::Change;
use repod::domain::SuiteEdit;
use repod::domain::{Encoding, IndexFile};
use repod::pool::{DiskPool, Kind, Pool as _};
use repod::signing::{DateFloor, NextDate, SecretKey, Signer};
use repod::time::{Clock as _, HandClock};
use rusqlite::{Connection, params};

use super::decoders::{Files, one_member};
use super::fabric::{Fabric, Key};
use super::history::{History, Shape};
use super::releases;
use crate::crash::faults::Faults;
use crate::crash::house::{Ground, House};

/// The seed of a large history with Contents and patches.
const SEED: u64 = 19;

/// The table of the build before: `migrations/sqlite/0001-first`.
const CHUNKS_OF_BEFORE: &str = "
    ALTER TABLE chunk RENAME TO newer;
    CREATE TABLE chunk (
        id INTEGER PRIMARY KEY,
        chunk_key TEXT NOT NULL UNIQUE,
        pack TEXT NOT NULL,
        plain_offset INTEGER NOT NULL,
        plain_bytes INTEGER NOT NULL,
        plain_lines INTEGER NOT NULL,
        gz_offset INTEGER NOT NULL,
        gz_bytes INTEGER NOT NULL,
        xz_pack TEXT,
        xz_offset INTEGER,
        xz_bytes INTEGER,
        xz_unpadded_bytes INTEGER
    ) STRICT";

/// All migrations but the first undone, but for the chunks.
const SCHEMA_OF_BEFORE: &str = "\
    DROP TABLE newer; DROP TABLE mention; DELETE FROM snapshot; \
    ALTER TABLE departed_suite DROP COLUMN spec; ALTER TABLE departed_suite DROP COLUMN has_taken; \
    DROP TABLE going; DROP INDEX index_file_rope; ALTER TABLE generation DROP COLUMN dropped_at; \
    ALTER TABLE snapshot DROP COLUMN asked_at; DROP TABLE health_ignored; DROP TABLE host_check; DROP TABLE yank; DROP TABLE rollout_ring; DROP TABLE rollout_package; DROP TABLE rollout; DROP TABLE ring_head; DROP INDEX index_file_ring_live; DROP INDEX index_file_live; ALTER TABLE index_file DROP COLUMN ring; CREATE UNIQUE INDEX index_file_live ON index_file (suite_id, path) WHERE until_generation IS NULL; DROP TABLE reported_package; DROP TABLE host_report; DROP TABLE held_back; DROP TABLE hold; \
    DROP TABLE lost_upload; DROP TABLE restoration; ALTER TABLE suite DROP COLUMN next_generation; \
    DROP TABLE binding; DROP TABLE suite_alias; ALTER TABLE suite DROP COLUMN namespace; \
    UPDATE package SET accepted = 1 WHERE accepted = 2; \
    CREATE UNIQUE INDEX package_accepted ON package (name, version, architecture) WHERE accepted = 1; \
    DROP INDEX acceptance_suite; ALTER TABLE acceptance DROP COLUMN from_generation; \
    CREATE INDEX acceptance_suite ON acceptance (suite_id); \
    ALTER TABLE package ADD COLUMN text_units INTEGER; \
    UPDATE package SET text_units = (text_bytes + 15) / 16; ALTER TABLE package DROP COLUMN text_bytes; \
    ALTER TABLE package DROP COLUMN privileges; ALTER TABLE access_grant DROP COLUMN limits; \
    CREATE TABLE head_of_before (suite_id INTEGER NOT NULL REFERENCES suite (id), ring TEXT NOT NULL, \
        generation INTEGER NOT NULL, dated_at INTEGER NOT NULL, valid_until INTEGER NOT NULL, \
        release TEXT NOT NULL, release_gpg TEXT NOT NULL, in_release TEXT NOT NULL, \
        PRIMARY KEY (suite_id, ring)) STRICT; \
    INSERT INTO head_of_before SELECT suite_id, '', generation, dated_at, valid_until, release, \
        release_gpg, in_release FROM head; \
    DROP TABLE head; ALTER TABLE head_of_before RENAME TO head; \
    UPDATE certificate SET reason = '' WHERE reason IS NULL; \
    CREATE TABLE audit_ring (id INTEGER PRIMARY KEY CHECK (id = 1), key_lines TEXT NOT NULL, \
        wished INTEGER NOT NULL, identity TEXT NOT NULL, serial TEXT NOT NULL, message TEXT NOT NULL, \
        remark TEXT NOT NULL) STRICT; \
    INSERT INTO audit_ring SELECT id, key_lines, identity IS NOT NULL, COALESCE(identity, ''), \
        COALESCE(serial, ''), COALESCE(message, ''), COALESCE(remark, '') FROM audit_keyring; \
    DROP TABLE audit_keyring; \
    ALTER TABLE keyring_sighting RENAME TO ring_sighting; \
    ALTER TABLE withdrawn RENAME TO fled; DROP INDEX membership_live; \
    CREATE UNIQUE INDEX membership_live ON membership (suite_id, component, name, architecture) \
        WHERE until_generation IS NULL; \
    PRAGMA user_version = 1";

/// Size and digest of a file.
pub type Mark = (u64, Digest);

/// The stores as the build before would have left them; gives its gzip files by those that are gone.
struct Before {
    database: Connection,
    pool: DiskPool,
    /// The gzip member of each chunk, by its id.
    members: HashMap<i64, Vec<u8>>,
    marks: HashMap<Digest, Mark>,
}

impl Before {
    fn make(ground: &Ground, place: &Path, clock: &HandClock) -> HashMap<Digest, Mark> {
        let database = Connection::open(place.join("catalogue.sqlite")).unwrap();
        let pool = DiskPool::open(&place.join("pool"), 0).unwrap();
        let (members, marks) = (HashMap::new(), HashMap::new());
        let mut before = Self { database, pool, members, marks };
        before.database.execute_batch(CHUNKS_OF_BEFORE).unwrap();
        before.chunks();
        before.files();
        before.heads(ground, place, clock);
        before.database.execute_batch(SCHEMA_OF_BEFORE).unwrap();
        before.marks
    }

    fn read(&self, pack: &str, offset: i64, bytes: i64) -> Vec<u8> {
        let mut read = Vec::new();
        let (pack, offset, bytes) = (pack.parse().unwrap(), offset as u64, bytes as u64);
        assert!(self.pool.read_into(Kind::Pack, &pack, offset, bytes, &mut read).unwrap());
        read
    }

    /// Each chunk gets a member where it has a run.
    fn chunks(&mut self) {
        type Place = (String, i64, i64);
        type Row = (i64, Place, i64, Option<i64>, Option<Place>, u32);
        let mut all = self
            .database
            .prepare(
                "SELECT id, pack, COALESCE(plain_offset, 0), plain_bytes, plain_offset IS NULL, \
                    member_offset, run_pack, run_offset, run_bytes, COALESCE(run_crc32, 0) FROM newer",
            )
            .unwrap();
        let row = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Row> {
            let run = row.get::<_, Option<String>>(6)?;
            let run = run
                .map(|pack| rusqlite::Result::<Place>::Ok((pack, row.get(7)?, row.get(8)?)))
                .transpose()?;
            let plain = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((row.get(0)?, plain, row.get(4)?, row.get(5)?, run, row.get(9)?))
        };
        let rows: Vec<Row> = all.query_map([], row).unwrap().map(Result::unwrap).collect();
        drop(all);
        for (id, plain, is_packed, member, run, crc32) in rows {
            assert!(member.is_none() || run.is_none(), "only patches have members");
            let (pack, at, gz_at, gz_bytes) = match run {
                // Patches and lists of patches are as they were.
                None => {
                    let bytes = "COALESCE(member_bytes, 0)";
                    let sql = format!("SELECT {bytes} FROM newer WHERE id = ?");
                    let bytes = self.database.query_one(&sql, [id], |row| row.get(0)).unwrap();
                    (plain.0, plain.1, member.unwrap_or(0), bytes)
                }
                Some((run_pack, offset, bytes)) => {
                    let text = match is_packed {
                        1 => {
                            let run = self.read(&run_pack, offset, bytes);
                            framing::gunzip_run(&run, plain.2 as u64, crc32).unwrap()
                        }
                        _ => self.read(&plain.0, plain.1, plain.2),
                    };
                    let gz = framing::gzip_member(&text);
                    let size = gz.len() as i64;
                    self.members.insert(id, gz.clone());
                    let whole = if is_packed == 1 { gz } else { [gz, text].concat() };
                    let pack = self.pool.keep(Kind::Pack, &whole).unwrap().to_string();
                    (pack, if is_packed == 1 { 0 } else { size }, 0, size)
                }
            };
            let sql = "INSERT INTO chunk SELECT id, chunk_key, ?2, ?3, plain_bytes, plain_lines, ?4, ?5, \
                xz_pack, xz_offset, xz_bytes, xz_unpadded_bytes FROM newer WHERE id = ?1";
            self.database.execute(sql, params![id, pack, at, gz_at, gz_bytes]).unwrap();
        }
    }

    fn files(&mut self) {
        let sql = "SELECT i.id, i.digest, r.chunk_ids FROM index_file AS i \
            JOIN rope AS r ON r.id = i.rope_id WHERE i.encoding = 'gzip'";
        let mut all = self.database.prepare(sql).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, Vec<u8>>(2)?))
        };
        let rows: Vec<_> = all.query_map([], row).unwrap().map(Result::unwrap).collect();
        for (id, digest, chunks) in rows {
            let ids = chunks.as_chunks::<8>().0.iter().map(|id| i64::from_be_bytes(*id));
            let mut file: Vec<u8> = ids.flat_map(|id| self.members[&id].clone()).collect();
            if file.is_empty() {
                file = framing::EMPTY_GZIP.to_vec();
            }
            let mark = (file.len() as u64, Digest::of(&file));
            self.marks.insert(digest.parse().unwrap(), mark);
            let sql = "UPDATE index_file SET size_bytes = ?2, digest = ?3 WHERE id = ?1";
            let values = params![id, mark.0 as i64, mark.1.to_string()];
            self.database.execute(sql, values).unwrap();
        }
        let sql = "UPDATE index_file SET encoding = 'gz' WHERE encoding IN ('gzip', 'members')";
        self.database.execute(sql, []).unwrap();
    }

    /// The heads list them, and are signed.
    fn heads(&self, ground: &Ground, place: &Path, clock: &HandClock) {
        clock.advance(2);
        let key = SecretKey::load(ground.signing_key()).unwrap();
        let floor = DateFloor::open(place.join("floor")).unwrap();
        let signer = Signer::new(vec![key], floor).unwrap();
        let sql =
            "SELECT s.id, s.name, h.release FROM head AS h JOIN suite AS s ON s.id = h.suite_id";
        let mut all = self.database.prepare(sql).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        };
        for (id, name, release) in all.query_map([], row).unwrap().map(Result::unwrap) {
            let suite = SuiteName::parse(&name).unwrap();
            let mut text = ReleaseText::parse(release.as_bytes()).unwrap();
            for entry in &mut text.entries {
                if let Some((size_bytes, digest)) = self.marks.get(&entry.digest) {
                    (entry.size_bytes, entry.digest) = (*size_bytes, *digest);
                }
            }
            text.entries.sort();
            let NextDate::Ready(date) = signer.next_date(&suite, clock.now()).unwrap() else {
                panic!("a new second has begun")
            };
            let at = date.moment();
            text.fields.date = at.release_date();
            let signed = signer.sign(date, &text.write()).unwrap();
            let (release, in_release, gpg) = signed.into_texts();
            let sql = "UPDATE head SET dated_at = ?2, release = ?3, release_gpg = ?4, in_release = ?5 \
                WHERE suite_id = ?1";
            self.database.execute(sql, params![id, at.0, release, gpg, in_release]).unwrap();
        }
    }
}

/// An InRelease that lists the files of the build before, as its lines are read here; nobody verifies it again.
fn relisted(head: &[u8], marks: &HashMap<Digest, Mark>) -> Vec<u8> {
    let line = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let mark = words.first().and_then(|digest| marks.get(&digest.parse().ok()?));
        match (line.starts_with(' '), mark) {
            (true, Some((size, digest))) => format!(" {digest} {size} {}\n", words[2]),
            _ => format!("{line}\n"),
        }
    };
    std::str::from_utf8(head).unwrap().lines().map(line).collect::<String>().into_bytes()
}

/// What is live is made anew in the form of before: the history that was played, and its files.
pub fn earlier(
    ground: &Ground,
    place: &Path,
    clock: &HandClock,
) -> (Fabric, History, HashMap<Digest, Mark>) {
    let mut fabric = Fabric::default();
    let mut history = {
        let house = House::open(ground, place, clock);
        let mut history = History::play(&house, &mut fabric, SEED, Shape::LARGE);
        let apart = SuiteEdit { translations: Some(true), ..SuiteEdit::default() };
        history.change(&house, Change::Edit(Box::new(apart)));
        releases::quiet(&house, &history);
        history
    };
    let marks = Before::make(ground, place, clock);
    for generation in &mut history.generations {
        generation.head = relisted(&generation.head, &marks);
    }
    (fabric, history, marks)
}

/// The gzip files that the head lists.
pub fn gzip_files(house: &House<'_>, suite: &SuiteName) -> Vec<IndexFile> {
    let catalogue = &house.repository.catalogue;
    let head = catalogue.load_suite(suite).unwrap().unwrap().head.unwrap();
    let mut files = catalogue.list_indices(suite, head.generation).unwrap();
    files.retain(|file| file.listed && file.path.ends_with(".gz"));
    files
}

pub fn forms(files: &[IndexFile]) -> BTreeSet<Encoding> {
    files.iter().map(|file| file.encoding).collect()
}

/// Lets no run be made until it is opened.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

const LONGEST_HOLD: Duration = Duration::from_secs(60);

impl Gate {
    fn hold(self: &Arc<Self>, faults: &Faults) {
        let gate = Arc::clone(self);
        faults.tell(move |call| {
            if call == "record_runs" {
                let open = gate.0.lock().unwrap();
                // Bounded: where the test fails meanwhile, it has to end and say why.
                let held = gate.1.wait_timeout_while(open, LONGEST_HOLD, |open| !*open);
                drop(held.unwrap());
            }
        });
    }

    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }
}

#[test]
fn a_data_directory_of_the_build_before_goes_on() {
    let ground = Ground::new();
    let (place, clock) = (ground.place("stores"), ground.clock());
    let (mut fabric, mut history, marks) = earlier(&ground, &place, &clock);
    let suite = history.suite.clone();
    let mut files = Files::new();
    marks.values().for_each(|(_, digest)| files.allow_members(&digest.to_string()));

    let (gate, faults) = (Arc::new(Gate::default()), Faults::new());
    gate.hold(&faults);
    let house = House::open_among(&ground, &place, &clock, faults);
    let of_before: HashSet<_> = marks.values().map(|(_, digest)| *digest).collect();
    let live = gzip_files(&house, &suite);
    assert_eq!(forms(&live), [Encoding::Members].into());
    assert!(live.iter().all(|file| of_before.contains(&file.digest)));
    assert!(live.iter().any(|file| file.chunks.len() > 1), "one of them has several chunks");

    // A change waits for none of what the new form takes, and is published in the old one.
    let number = history.last().number;
    let key = Key { number: 3, version: 3, architecture: "amd64", long: true };
    let change = |house: &House<'_>, fabric: &mut Fabric, key: Key| {
        Change::Add(vec![("main".parse().unwrap(), fabric.digest(house, key))])
    };
    let added = change(&house, &mut fabric, key);
    history.change(&house, added);
    assert_eq!(history.last().number, number + 1, "it is published");
    let meanwhile = gzip_files(&house, &suite);
    assert_eq!(forms(&meanwhile), [Encoding::Members].into());
    let new = meanwhile.iter().filter(|file| !of_before.contains(&file.digest));
    let new: Vec<_> = new.map(|file| file.digest.to_string()).collect();
    assert!(!new.is_empty(), "the index that changed is another file");
    new.iter().for_each(|digest| files.allow_members(digest));

    // Then one head has the new form, and lists the same generation.
    gate.open();
    let begun = Instant::now();
    let after = loop {
        let files = gzip_files(&house, &suite);
        match forms(&files) {
            forms if forms == [Encoding::Gz].into() => break files,
            forms => assert_eq!(forms, [Encoding::Members].into(), "all of them at once"),
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the form is never changed");
        house.clock.advance(1);
        std::thread::sleep(Duration::from_millis(5));
    };
    let paths = |files: &[IndexFile]| files.iter().map(|f| f.path.clone()).collect::<BTreeSet<_>>();
    assert_eq!(paths(&after), paths(&meanwhile));
    for name in ["Packages", "Contents-", "Translation-en"] {
        assert!(paths(&after).iter().any(|path| path.contains(name)), "{name}");
    }
    let head = house.repository.desk(&suite).unwrap().served().unwrap();
    assert_eq!(head.generation, history.last().number, "it is no generation of its own");

    // Chunks of the build before come back with a rollback, and what follows goes on from there.
    history.change(&house, Change::RollBack(Vec::new(), Some(2)));
    assert_eq!(forms(&gzip_files(&house, &suite)), [Encoding::Gz].into());
    history.change(&house, Change::Unpin(Vec::new()));
    drop(house);
    let house = House::open(&ground, &place, &clock);
    assert_eq!(forms(&gzip_files(&house, &suite)), [Encoding::Gz].into());
    let added = change(&house, &mut fabric, Key { number: 5, version: 3, ..key });
    history.change(&house, added);
    assert_eq!(forms(&gzip_files(&house, &suite)), [Encoding::Gz].into());

    // Every generation is what it was, by hash and as a snapshot, and what is live is read by everybody.
    releases::check(&house, &mut fabric, &history, &mut files);
    files.read_all();
    for file in gzip_files(&house, &suite) {
        let path = format!("dists/{suite}/{}", file.path);
        let served = house.served(&path).unwrap().body;
        assert_eq!(Digest::of(&served), file.digest);
        assert!(one_member(&served).is_some(), "{path}");
    }
}
