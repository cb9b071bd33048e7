//! A change that was begun before the indices were in memory, and ends while the form of their gzip files is
//! changed, brings chunks of the build before that have no runs yet. Nothing of them is lost.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use repod::domain::{Change, Encoding};
use rusqlite::Connection;

use super::decoders::Files;
use super::earlier::{earlier, forms, gzip_files};
use super::fabric::Key;
use super::releases;
use crate::crash::faults::Faults;
use crate::crash::house::{Ground, House};

/// How far the change and the reading of the indices have come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// The repository is being opened.
    Opening,
    /// The indices are to be read; that waits.
    Begun,
    /// The change found no indices in memory; it waits, and they are read.
    ChangeLooked,
    /// Runs were made for what was read; they wait, and the change is published.
    RunsMade,
    /// The runs are recorded.
    Published,
}

#[derive(Clone)]
struct Steps(Arc<(Mutex<Step>, Condvar)>);

/// Bounded: where the test fails meanwhile, it has to end and say why.
const LONGEST: Duration = Duration::from_secs(60);

impl Steps {
    fn reach(&self, step: Step) {
        let mut now = self.0.0.lock().unwrap();
        *now = step.max(*now);
        self.0.1.notify_all();
    }

    fn wait(&self, step: Step) {
        let now = self.0.0.lock().unwrap();
        drop(self.0.1.wait_timeout_while(now, LONGEST, |now| *now < step).unwrap());
    }

    fn reached(&self) -> Step {
        *self.0.0.lock().unwrap()
    }

    fn order(&self, faults: &Faults) {
        let steps = self.clone();
        faults.tell(move |call| match (call, steps.reached()) {
            ("list_indices", Step::Opening) => steps.reach(Step::Begun),
            ("list_indices", Step::Begun) => steps.wait(Step::ChangeLooked),
            ("find_chunks", Step::Begun) => {
                steps.reach(Step::ChangeLooked);
                steps.wait(Step::RunsMade);
            }
            ("record_runs", Step::ChangeLooked) => {
                steps.reach(Step::RunsMade);
                steps.wait(Step::Published);
            }
            _ => {}
        });
    }
}

#[test]
fn chunks_that_come_back_while_the_form_changes_are_not_lost() {
    let ground = Ground::new();
    let (place, clock) = (ground.place("stores"), ground.clock());
    let (mut fabric, mut history, marks) = earlier(&ground, &place, &clock);
    let suite = history.suite.clone();
    let mut files = Files::new();
    marks.values().for_each(|(_, digest)| files.allow_members(&digest.to_string()));

    let (steps, faults) =
        (Steps(Arc::new((Mutex::new(Step::Opening), Condvar::new()))), Faults::new());
    steps.order(&faults);
    let house = House::open_among(&ground, &place, &clock, faults);
    let key = Key { number: 3, version: 3, architecture: "amd64", long: true };
    let added = Change::Add(vec![("main".parse().unwrap(), fabric.digest(&house, key))]);
    history.change(&house, added);
    assert!(steps.reached() == Step::RunsMade, "the change was published while runs were made");
    for file in gzip_files(&house, &suite) {
        files.allow_members(&file.digest.to_string());
    }
    steps.reach(Step::Published);

    let begun = Instant::now();
    while forms(&gzip_files(&house, &suite)) != [Encoding::Gz].into() {
        assert!(begun.elapsed() < LONGEST, "the form is never changed");
        house.clock.advance(1);
        std::thread::sleep(Duration::from_millis(5));
    }
    releases::check(&house, &mut fabric, &history, &mut files);
    drop(house);
    let catalogue = Connection::open(place.join("catalogue.sqlite")).unwrap();
    let forgotten = "SELECT count(*) FROM chunk WHERE pack = chunk_key";
    assert_eq!(catalogue.query_one(forgotten, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}
