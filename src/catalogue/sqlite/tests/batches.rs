//! Batches: which jobs share a transaction, and which of them a failure affects.

use std::os::unix::fs::FileExt as _;
use std::sync::mpsc::channel;

use super::super::standing::{Lost, Standing, Stopped};
use super::super::writer::Size;
use super::*;

type Body = Box<dyn FnOnce(&mut dyn Tx) -> Answer<()> + Send>;

const RECORD: &str = "INSERT INTO departed_suite (name, dated_at) VALUES ($1, $2)";

/// Queues these bodies before the writer begins, and gives for each whether it succeeded.
fn run_batch(room: &TempDir, bodies: Vec<Body>) -> Vec<bool> {
    run_sized(room, bodies.into_iter().map(|body| (Size::Small, body)).collect())
}

fn run_sized(room: &TempDir, bodies: Vec<(Size, Body)>) -> Vec<bool> {
    answers_of(room, bodies).iter().map(Result::is_ok).collect()
}

/// Queues these bodies before the writer begins, and gives the answer to each.
fn answers_of(room: &TempDir, bodies: Vec<(Size, Body)>) -> Vec<Answer<()>> {
    drop(open(room).unwrap());
    let mut connection = raw(room);
    prepare(&mut connection).unwrap();
    let (queue, jobs) = channel();
    let answers: Vec<_> = bodies
        .into_iter()
        .map(|(size, body)| {
            let (job, answer) = super::writer::job(size, body);
            queue.send(job).unwrap();
            answer
        })
        .collect();
    drop(queue);
    let mut standing = super::standing::Standing::new(Default::default(), None);
    super::writer::write_queued(&connection, &jobs, &mut standing, &|| ());
    answers.into_iter().map(|answer| answer.recv().unwrap()).collect()
}

fn recorded(room: &TempDir) -> Vec<i64> {
    let raw = raw(room);
    let mut statement =
        raw.prepare("SELECT dated_at FROM departed_suite ORDER BY dated_at").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn record_number(tx: &mut dyn Tx, number: i64) -> Answer<()> {
    tx.exec(RECORD, &[format!("n{number}").into(), number.into()]).map(drop)
}

#[test]
fn in_a_batch_each_job_fails_alone() {
    let room = TempDir::new().unwrap();
    let body = |number: i64| -> Body {
        Box::new(move |tx| {
            record_number(tx, number)?;
            match number % 4 {
                0 => Ok(()),
                1 => Err(CatalogueError::Missing("x".into())),
                // The second insert violates a key, and the job goes on after that.
                2 => record_number(tx, number).or_else(|_| record_number(tx, number + 1_000)),
                _ => panic!("on purpose"),
            }
        })
    };
    // More than one batch holds.
    let answers = run_batch(&room, (0..600).map(body).collect());
    let expected: Vec<_> = (0..600).map(|number| number % 2 == 0).collect();
    assert_eq!(answers, expected);
    let kept = (0..600).filter(|number| number % 2 == 0);
    let kept = kept.chain((0..600).filter(|number| number % 4 == 2).map(|number| number + 1_000));
    assert_eq!(recorded(&room), kept.collect::<Vec<_>>());
}

#[test]
fn a_commit_that_fails_fails_everyone_in_it_and_no_one_after() {
    let room = TempDir::new().unwrap();
    let body = |number: i64| -> Body {
        Box::new(move |tx| {
            if number == 100 {
                // A foreign key that is checked only at the commit, and then refers to no row.
                tx.exec("PRAGMA defer_foreign_keys = ON", &[])?;
                tx.exec("INSERT INTO stanza (package_id, stanza) VALUES (77, '')", &[])?;
            }
            record_number(tx, number)
        })
    };
    let answers = run_batch(&room, (0..300).map(body).collect());
    let expected: Vec<_> = (0..300).map(|number| number >= 256).collect();
    assert_eq!(answers, expected);
    assert_eq!(recorded(&room), (256..300).collect::<Vec<_>>());
}

#[test]
fn a_full_database_refuses_and_recovers() {
    let room = TempDir::new().unwrap();
    let catalogue = open(&room).unwrap();
    let pages = |count: &'static str| {
        catalogue.write(move |tx| tx.each(count, &[], &mut |_| Ok(()))).unwrap();
    };
    pages("PRAGMA max_page_count = 1"); // SQLite raises this to the number of pages there are
    let large = "x".repeat(1 << 20);
    let serials = [large.clone()];
    let certificate = certificate(large);
    let error = catalogue.record_certificate(&certificate, Some(&grant(1)), &event()).unwrap_err();
    assert!(matches!(error, CatalogueError::Full(_)), "{error:?}");
    assert!(crate::cause::find::<rusqlite::Error>(&error).is_some(), "{error:?}");
    assert!(catalogue.list_grants().unwrap().is_empty());
    pages("PRAGMA max_page_count = 1000000");
    catalogue.record_certificate(&certificate, Some(&grant(1)), &event()).unwrap();
    catalogue
        .record_revocation(&serials, "gone", None, &Event { at: Moment(3), ..event() })
        .unwrap();
    assert_eq!(catalogue.list_certificates(None).unwrap()[0].revoked_at, Some(Moment(3)));
}

#[test]
fn a_full_database_fails_every_job_of_the_transaction_and_no_other() {
    let room = TempDir::new().unwrap();
    let record = |number: i64| -> Body { Box::new(move |tx| record_number(tx, number)) };
    let overflow: Body = Box::new(|tx| {
        tx.each("PRAGMA max_page_count = 1", &[], &mut |_| Ok(()))?;
        let full = tx.exec(RECORD, &["x".repeat(1 << 20).into(), 2.into()]);
        tx.each("PRAGMA max_page_count = 1000000", &[], &mut |_| Ok(()))?;
        full.map(drop)
    });
    let jobs = vec![
        (Size::Small, record(1)),
        (Size::Small, overflow),
        (Size::Small, record(3)),
        (Size::Large, record(4)),
    ];
    let answers = answers_of(&room, jobs);
    for answer in &answers[..3] {
        let error = answer.as_ref().unwrap_err();
        assert!(matches!(error, CatalogueError::Full(_)), "{error:?}");
        let said: &rusqlite::Error = crate::cause::find(error).unwrap();
        assert_eq!(said.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull));
        assert_eq!(
            error.to_string(),
            "the server's disk is full (database or disk is full); free some space there"
        );
    }
    assert!(answers[3].is_ok(), "{:?}", answers[3]);
    assert_eq!(recorded(&room), [4]);
}

#[test]
fn damage_in_the_file_ends_the_writing_and_not_the_reading_until_it_is_gone() {
    let room = TempDir::new().unwrap();
    let catalogue = open(&room).unwrap();
    (0..400).for_each(|number| record(&catalogue, number).unwrap());
    drop(catalogue);
    let root: i64 = raw(&room)
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'certificate'", [], |r| {
            r.get(0)
        })
        .unwrap();
    let path = room.path().join("catalogue.db");
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let (mut page, at) = ([0; 4096], (root as u64 - 1) * 4096);
    file.read_exact_at(&mut page, at).unwrap();
    file.write_all_at(&[0xff; 4096], at).unwrap();
    let catalogue = open(&room).unwrap();
    let error = catalogue.record_certificate(&certificate("1".into()), None, &event()).unwrap_err();
    assert!(matches!(error, CatalogueError::Damaged(_)), "{error}");
    let error = record(&catalogue, 1_000).unwrap_err();
    let CatalogueError::Paused(cause) = &error else { panic!("{error:?}") };
    assert_eq!(
        error.to_string(),
        "writing stopped after: database disk image is malformed; look at the disk: it goes on by itself \
         when that is sound"
    );
    assert!(matches!(crate::cause::find(cause), Some(CatalogueError::Damaged(_))), "{error:?}");
    assert_eq!(catalogue.list_grants().unwrap().len(), 400);
    // The disk gives the page again.
    file.write_all_at(&page, at).unwrap();
    while record(&catalogue, 1_000).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    catalogue.record_certificate(&certificate("1".into()), None, &event()).unwrap();
    assert!(catalogue.stopped().is_none());
}

/// One page that the disk does not give is told like a damaged file.
#[test]
fn a_file_that_is_sound_after_all_is_written_to_at_once() {
    let room = TempDir::new().unwrap();
    let catalogue = open(&room).unwrap();
    let once = CatalogueError::Damaged("database disk image is malformed".into());
    let connection = raw(&room);
    let stopped = Stopped::default();
    let mut standing = Standing::new(stopped.clone(), None);
    let told = standing.failed(&connection, Lost::fatal(once));
    assert!(matches!(told, CatalogueError::Damaged(_)), "{told}");
    assert!(stopped.why().is_none() && standing.look(&connection).is_none());
    record(&catalogue, 1).unwrap();
    // What comes again at once is no page that was not given once, and nobody waits for another look.
    let again = CatalogueError::Damaged("database disk image is malformed".into());
    standing.failed(&connection, Lost::fatal(again));
    // Longer than after any other error.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert!(matches!(standing.look(&connection), Some(CatalogueError::Paused(_))));
}

/// A large job has a transaction of its own, wherever it is queued: when it fails, no other job
/// fails with it.
#[test]
fn large_jobs_share_no_transaction_and_keep_their_place() {
    let sizes = [Size::Large, Size::Small];
    for places in 0..8_usize {
        let room = tempfile::tempdir().unwrap();
        let at = |job: usize| sizes[places >> job & 1];
        let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let body = |number: i64, fails: bool| -> Body {
            let order = std::sync::Arc::clone(&order);
            Box::new(move |tx| {
                order.lock().unwrap().push(number);
                record_number(tx, number)?;
                if fails { Err(CatalogueError::Database("on purpose".into())) } else { Ok(()) }
            })
        };
        let jobs = vec![(at(0), body(1, false)), (at(1), body(2, true)), (at(2), body(3, false))];
        assert_eq!(run_sized(&room, jobs), [true, false, true], "{places}");
        assert_eq!(recorded(&room), [1, 3], "{places}");
        assert_eq!(*order.lock().unwrap(), [1, 2, 3], "{places}");
    }
}

/// A slice is not synced when it is written; the next other write syncs it.
#[test]
fn a_slice_is_not_synced_and_whatever_comes_next_is() {
    let room = TempDir::new().unwrap();
    let catalogue = open(&room).unwrap();
    let written = |number: i64| {
        move |tx: &mut dyn Tx| {
            let mut mode = 0;
            tx.each("PRAGMA synchronous", &[], &mut |row| {
                mode = row.integer(0)?;
                Ok(())
            })?;
            record_number(tx, number)?;
            Ok(mode)
        }
    };
    assert_eq!(catalogue.write_slice(written(1)).unwrap(), 1);
    assert_eq!(catalogue.write(written(2)).unwrap(), 2);
    assert!(catalogue.write_slice(written(2)).is_err(), "it is recorded already");
    assert_eq!(catalogue.write_much(written(3)).unwrap(), 2);
}
