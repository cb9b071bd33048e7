//! The floor: it rises, and nothing else.

use proptest::prelude::*;

use super::*;

fn suite(name: &str) -> SuiteName {
    SuiteName::parse(name).unwrap()
}

#[test]
fn the_floor_rises_survives_a_restart_and_never_falls() {
    let dir = tempfile::tempdir().unwrap();
    let floor = DateFloor::open(dir.path()).unwrap();
    let (stable, edge) = (suite("stable"), suite("edge"));
    assert_eq!(floor.read(&stable).unwrap(), None);
    floor.raise(&stable, Moment(100), 0).unwrap();
    for low in [100, 99, 0] {
        let refused = floor.raise(&stable, Moment(low), 0).unwrap_err();
        assert!(matches!(refused, FloorError::NotAbove { floor: Moment(100), .. }), "{refused}");
    }
    floor.raise(&edge, Moment(7), 0).unwrap();
    drop(floor);

    let again = DateFloor::open(dir.path()).unwrap();
    assert_eq!(again.read(&stable).unwrap(), Some(Moment(100)));
    assert_eq!(again.read(&edge).unwrap(), Some(Moment(7)));
    assert!(again.raise(&stable, Moment(100), 0).is_err());
    again.raise(&stable, Moment(101), 0).unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("stable")).unwrap(), "101\n");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "no temporary file is left");
}

#[test]
fn the_highest_generation_is_kept_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let floor = DateFloor::open(dir.path()).unwrap();
    let stable = suite("stable");
    assert_eq!(floor.read_generation(&stable).unwrap(), 0);
    // What an earlier build wrote has none.
    fs::write(dir.path().join("stable"), "99\n").unwrap();
    for (date, generation, highest) in [(100, 7, 7), (101, 6, 7), (102, 0, 7), (103, 40, 40)] {
        floor.raise(&stable, Moment(date), generation).unwrap();
        assert_eq!(floor.read_generation(&stable).unwrap(), highest, "{date}");
        assert_eq!(floor.read(&stable).unwrap(), Some(Moment(date)));
    }
    assert!(floor.raise(&stable, Moment(103), 41).is_err());
    assert_eq!(floor.read_generation(&stable).unwrap(), 40, "a refused Date raises nothing");
    // Another suite of that name.
    floor.raise(&stable, Moment(104), 1).unwrap();
    assert_eq!(floor.read_generation(&stable).unwrap(), 1);
}

#[test]
fn the_floor_is_lowered_on_demand_alone_and_never_raised_by_that() {
    let dir = tempfile::tempdir().unwrap();
    let floor = DateFloor::open(dir.path()).unwrap();
    let stable = suite("stable");
    floor.lower(&stable, Moment(50)).unwrap();
    assert_eq!(floor.read(&stable).unwrap(), None, "a suite that was never signed has none");
    floor.raise(&stable, Moment(100), 7).unwrap();
    floor.lower(&stable, Moment(200)).unwrap();
    assert_eq!(floor.read(&stable).unwrap(), Some(Moment(100)));
    floor.lower(&stable, Moment(40)).unwrap();
    assert_eq!(floor.read(&stable).unwrap(), Some(Moment(40)));
    assert!(floor.raise(&stable, Moment(40), 7).is_err());
    floor.raise(&stable, Moment(41), 7).unwrap();
    assert!(floor.lower(&stable, Moment(-1)).is_err());
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let floor = DateFloor::open(dir.path()).unwrap();
    for bad in [
        "",
        "\n",
        "12 0\n",
        "12 \n",
        "12 07\n",
        " 7\n",
        "12  7\n",
        "12 7 \n",
        "12",
        "+12\n",
        "012\n",
        "-1\n",
        "12\n\n",
        " 12\n",
        "4294967296\n",
        "x\n",
    ] {
        fs::write(dir.path().join("stable"), bad).unwrap();
        let refused = floor.read(&suite("stable")).unwrap_err();
        assert!(matches!(refused, FloorError::Damaged { .. }), "{bad:?}: {refused}");
        assert!(refused.to_string().contains("stable"), "{refused}");
        assert!(floor.raise(&suite("stable"), Moment(1 << 31), 0).is_err(), "{bad:?}");
    }
    fs::write(dir.path().join("stable"), [b'1', 0xff, b'\n']).unwrap();
    assert!(floor.read(&suite("stable")).is_err());
    fs::write(dir.path().join("stable"), "1".repeat(1 << 20)).unwrap();
    assert!(floor.read(&suite("stable")).is_err());
    assert_eq!(floor.read(&suite("edge")).unwrap(), None, "other suites are not harmed");
}

#[test]
fn a_missing_directory_is_refused_until_it_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("floor");
    assert!(matches!(DateFloor::open(&path), Err(FloorError::Io { .. })));
    DateFloor::create(&path).unwrap().raise(&suite("a"), Moment(5), 0).unwrap();
    assert_eq!(DateFloor::create(&path).unwrap().read(&suite("a")).unwrap(), Some(Moment(5)));
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(DateFloor::create(dir.path().join("file")).is_err());
}

#[test]
fn dates_outside_openpgp_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let floor = DateFloor::open(dir.path()).unwrap();
    for bad in [-1, 1 << 32, i64::MAX, i64::MIN] {
        let refused = floor.raise(&suite("a"), Moment(bad), 0).unwrap_err();
        assert!(matches!(refused, FloorError::OutOfRange(_)), "{bad}: {refused}");
    }
    assert_eq!(floor.read(&suite("a")).unwrap(), None);
}

/// A handle that cannot be synced.
fn unsyncable() -> File {
    let (_reader, writer) = std::io::pipe().unwrap();
    File::from(std::os::fd::OwnedFd::from(writer))
}

#[test]
fn a_rename_or_a_sync_that_fails_harms_nothing_where_the_disk_takes_files() {
    let dir = tempfile::tempdir().unwrap();
    let floor = DateFloor::open(dir.path()).unwrap();
    // A directory in the place of the file makes the rename fail.
    fs::create_dir(dir.path().join("late")).unwrap();
    let file = File::open(dir.path()).unwrap();
    assert!(floor.replace(&suite("late"), Mark { date: Moment(1), generation: 0 }, &file).is_err());
    assert!(floor.stopped().is_none());
    floor.raise(&suite("other"), Moment(1), 0).unwrap();
    floor.unsynced("sync of the dates", &io::Error::from(rustix::io::Errno::IO), &file);
    assert!(floor.stopped().is_none());
    floor.raise(&suite("other"), Moment(2), 0).unwrap();
    assert_eq!(
        DateFloor::open(dir.path()).unwrap().read(&suite("other")).unwrap(),
        Some(Moment(2))
    );
}

#[test]
fn while_the_disk_takes_nothing_nothing_is_signed_and_then_it_goes_on_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let floor = DateFloor::open(dir.path()).unwrap();
    // The name of the new file may be lost, and no file can be made through this handle.
    let mark = Mark { date: Moment(2), generation: 0 };
    assert!(floor.replace(&suite("other"), mark, &unsyncable()).is_err());
    let refused = floor.raise(&suite("third"), Moment(1), 0).unwrap_err();
    assert!(matches!(refused, FloorError::Stopped { .. }), "{refused}");
    assert!(refused.to_string().contains("sync of the dates: "), "{refused}");
    assert!(floor.stopped().is_some());
    while floor.stopped().is_some() {
        std::thread::sleep(std::time::Duration::from_millis(50));
        floor.try_again();
    }
    // What was not known to be there is no Date that was signed; it is not below one, either.
    floor.raise(&suite("other"), Moment(3), 0).unwrap();
    floor.raise(&suite("third"), Moment(1), 0).unwrap();
}

#[test]
fn of_many_threads_with_one_date_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let floor = DateFloor::open(dir.path()).unwrap();
    let wins = std::thread::scope(|scope| {
        let raise = || floor.raise(&suite("stable"), Moment(9), 0).is_ok();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(raise)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).filter(|won| *won).count()
    });
    assert_eq!(wins, 1);
}

proptest! {
    #[test]
    fn bytes_parse_only_to_what_writes_them(
        bytes in prop::collection::vec(any::<u8>(), 0..14)
    ) {
        if let Some(mark) = parse(&bytes) {
            prop_assert_eq!(mark.text().into_bytes(), bytes);
        }
    }

    #[test]
    fn what_is_written_parses(seconds in any::<u32>(), generation in any::<u64>()) {
        let mark = Mark { date: Moment(i64::from(seconds)), generation };
        prop_assert_eq!(parse(mark.text().as_bytes()), Some(mark));
    }
}
