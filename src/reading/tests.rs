//! What stands where a file should be, and file systems that do not answer.

use std::sync::mpsc;
use std::time::Instant;

use super::*;

const LIMIT: u64 = 1_000;

/// Makes one of each kind, and gives what is said of it.
fn told(make: impl FnOnce(&Path)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one");
    make(&path);
    let begun = Instant::now();
    let plain = read(&path, LIMIT).unwrap_err();
    let secret = read_secret(&path, LIMIT).err().unwrap();
    assert_eq!(plain.to_string(), secret.to_string());
    assert!(begun.elapsed() < DEADLINE, "it waited");
    plain.to_string()
}

#[test]
fn what_is_no_file_is_told_and_nobody_waits() {
    let fifo = |path: &Path| {
        rustix::fs::mkfifoat(rustix::fs::CWD, path, 0o644.into()).unwrap();
    };
    assert!(told(fifo).starts_with("not a regular file, but a FIFO"));
    let zero = |path: &Path| std::os::unix::fs::symlink("/dev/zero", path).unwrap();
    assert!(told(zero).starts_with("not a regular file, but a device"));
    let directory = |path: &Path| fs::create_dir(path).unwrap();
    assert!(told(directory).starts_with("not a regular file, but a directory"));
    let socket = |path: &Path| drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    assert!(told(socket).starts_with("not a regular file, but a socket"));
    let circle = |path: &Path| std::os::unix::fs::symlink(path, path).unwrap();
    assert!(told(circle).contains("symbolic links"));
    let sparse = |path: &Path| File::create(path).unwrap().set_len(1 << 30).unwrap();
    assert!(told(sparse).starts_with("larger than 1000 bytes"));
    assert!(told(|_| {}).contains("No such file"));
}

#[test]
fn a_file_up_to_its_limit_is_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one");
    for length in [0, 1, 999, 1_000] {
        fs::write(&path, vec![b'x'; length]).unwrap();
        assert_eq!(read(&path, LIMIT).unwrap().len(), length);
        assert_eq!(read_secret(&path, LIMIT).unwrap().bytes.len(), length);
        assert_eq!(read_text(&path, LIMIT).unwrap().len(), length);
    }
    fs::write(&path, vec![b'x'; 1_001]).unwrap();
    assert!(matches!(read(&path, LIMIT), Err(ReadError::TooLarge { limit_bytes: LIMIT })));
    fs::write(&path, [0xff]).unwrap();
    assert!(read_text(&path, LIMIT).unwrap_err().to_string().contains("UTF-8"));
    assert!(read(&dir.path().join("absent"), LIMIT).unwrap_err().is_absent());
}

/// One that gives up at once.
fn impatient() -> &'static Patience {
    Box::leak(Box::new(Patience::new(Duration::from_millis(20))))
}

/// Hangs until the sender is dropped, as a read from a network does.
fn hang(patience: &'static Patience, path: &str) -> (mpsc::Sender<()>, ReadError) {
    let (end, ended) = mpsc::channel::<()>();
    let work = move || ended.recv().is_ok();
    let error = patience.within(Path::new(path), work).unwrap_err();
    (end, error)
}

#[test]
fn what_hangs_is_left_behind_once_and_tried_again_when_it_answers() {
    let patience = impatient();
    let (end, error) = hang(patience, "/net/a");
    assert!(matches!(error, ReadError::Hangs), "{error}");
    // The same path holds no second thread, and others are read.
    let begun = Instant::now();
    let again = patience.within(Path::new("/net/a"), || panic!("a second thread"));
    assert!(matches!(again, Err(ReadError::Hangs)));
    assert!(begun.elapsed() < patience.deadline);
    assert_eq!(patience.within(Path::new("/b"), || 7).unwrap(), 7);
    drop(end);
    let begun = Instant::now();
    while patience.within(Path::new("/net/a"), || ()).is_err() {
        assert!(begun.elapsed().as_secs() < 10, "it is never tried again");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(patience.hanging().is_empty());
}

#[test]
fn no_more_than_a_few_are_left_behind() {
    let patience = impatient();
    let ends: Vec<_> =
        (0..MOST_LEFT).map(|number| hang(patience, &format!("/net/{number}")).0).collect();
    let refused = patience.within(Path::new("/other"), || panic!("one too many"));
    assert!(matches!(refused, Err(ReadError::Crowded)));
    drop(ends);
    let begun = Instant::now();
    while patience.within(Path::new("/other"), || ()).is_err() {
        assert!(begun.elapsed().as_secs() < 10, "it is never tried again");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn work_that_panics_is_an_error() {
    let patient: &Patience = Box::leak(Box::new(Patience::new(DEADLINE)));
    let stopped = patient.within(Path::new("/a"), || panic!("as a test"));
    let error: Result<(), ReadError> = stopped;
    assert!(error.unwrap_err().to_string().contains("stopped"));
}
