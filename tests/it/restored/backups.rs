//! Backups themselves: whole, shared, read back, removed.

use super::*;

/// Every file that a backup names, held against its digest by sha256sum.
#[track_caller]
fn sound(place: &Place, name: &str) {
    let sums = format!("{name}/SHA256SUMS");
    let line = format!("cd '{}' && sha256sum --check --quiet --strict '{sums}'", place.backups);
    program("sh").args(["-c", &line]).run().expect_success();
}

fn stored(place: &Place) -> Vec<PathBuf> {
    let pool = Path::new(&place.backups).join("pool");
    let all = walkdir::WalkDir::new(pool).into_iter().map(Result::unwrap);
    let mut files: Vec<_> =
        all.filter(|entry| entry.file_type().is_file()).map(|entry| entry.into_path()).collect();
    files.sort();
    files
}

#[test]
fn backups_made_under_uploads_are_whole_and_share_what_they_have_in_common() {
    let mut place = Place::new();
    let many: Vec<_> = (0..20).map(|n| format!("acme-many{n}")).collect();
    let debs: Vec<_> = many.iter().map(|name| place.server.deb(&package(name, "1.0"))).collect();
    let words: Vec<_> = ["upload", "--suite", "stable"].into_iter().map(str::to_owned).collect();
    let all: Vec<_> = words.iter().chain(&debs).map(String::as_str).collect();
    place.server.repoctl(&all).expect_success();
    let (uploader, ended) = (&place, std::sync::atomic::AtomicBool::new(false));
    let uploaded = std::thread::scope(|scope| {
        let uploads = scope.spawn(|| {
            let mut count = 0;
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                uploader.server.upload("acme-web", &format!("1.{count}")).expect_success();
                count += 1;
            }
            count
        });
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(1_100));
            uploader.back_up(&[]).expect_success();
        }
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        uploads.join().unwrap()
    });
    assert!(uploaded > 2);
    let names = place.names();
    assert_eq!(names.len(), 3, "{names:?}");
    names.iter().for_each(|name| sound(&place, name));
    // One more of the same has nothing to copy but what is small.
    let before = stored(&place);
    std::thread::sleep(Duration::from_millis(1_100));
    place.server.stop();
    place.back_up(&[]).expect_success();
    place.back_up(&[]).expect_code(1).expect_says("there already");
    std::thread::sleep(Duration::from_millis(1_100));
    let told = place.back_up(&["--keep", "2"]).expect_success();
    assert_eq!(told.stdout.matches("was removed").count(), 3, "{told}");
    assert!(stored(&place).len() >= before.len() - 4, "what is needed stays");
    place.names().iter().for_each(|name| sound(&place, name));
    // Somewhere else all of it is there.
    let other = place.server.at("other");
    let restore = ["restore", &place.backups, "--data", &other];
    place.server.repod(&restore).run().expect_success();
    let config = format!("{other}/repod.toml");
    let checked = place.server.repod(&["check", "--config", &config]).run().expect_success();
    assert!(checked.says("All of it is what was stored"), "{checked}");
}

#[test]
fn a_server_that_was_never_started_is_backed_up_and_restored_too() {
    let server = TestServer::init();
    let (backups, other) = (server.at("backups"), server.at("other"));
    let config = server.at("data/repod.toml");
    let restore = ["restore", &backups, "--data", &other];
    server.repod(&["backup", &backups, "--config", &config]).run().expect_success();
    server.repod(&restore).run().expect_success();
    server.repod(&["check", "--config", &format!("{other}/repod.toml")]).run().expect_success();
}

#[test]
fn a_backup_says_what_it_could_not_copy_and_never_goes_where_it_harms() {
    let place = Place::new();
    place.server.upload("acme-web", "1.0").expect_success();
    place.server.upload("acme-api", "1.0").expect_success();
    let config = place.config();
    let to = |to: &str| place.server.repod(&["backup", to, "--config", &config]).run();
    to(&place.server.at("data/backups")).expect_code(1).expect_says("another disk");
    to(&place.server.at("debs")).expect_code(1).expect_says("is not empty and has no backups");
    let restore = |from: &str, data: &str| {
        place.server.repod(&["restore", from, "--data", &place.server.at(data)]).run()
    };
    restore(&place.server.at("debs"), "new").expect_code(1).expect_says("has no backups of repod");
    assert!(!place.server.data().join("backups").exists());
    // A rotten package keeps no other from being copied.
    let blobs = place.server.data().join("pool/blobs");
    let found = walkdir::WalkDir::new(blobs).into_iter().map(Result::unwrap);
    let blob = found.filter(|entry| entry.file_type().is_file()).last().unwrap().into_path();
    let mut bytes = fs::read(&blob).unwrap();
    bytes[70] ^= 1;
    fs::write(&blob, &bytes).unwrap();
    let name = blob.file_name().unwrap().to_str().unwrap().to_owned();
    place.back_up(&[]).expect_code(1).expect_says(&name);
    assert_eq!(place.names().len(), 1);
    sound(&place, &place.names()[0]);
    // One in a file with others, too.
    let many: Vec<_> =
        (0..20).map(|n| place.server.deb(&package(&format!("acme-many{n}"), "1.0"))).collect();
    let words = ["upload", "--suite", "stable"];
    let all: Vec<_> = words.into_iter().chain(many.iter().map(String::as_str)).collect();
    place.server.repoctl(&all).expect_success();
    let bundles = walkdir::WalkDir::new(place.server.data().join("pool/bundles"));
    let bundle = bundles.into_iter().map(Result::unwrap).find(|one| one.file_type().is_file());
    let bundle = bundle.unwrap().into_path();
    let mut bytes = fs::read(&bundle).unwrap();
    let end = bytes.len() - 9;
    bytes[end] ^= 1;
    fs::write(&bundle, &bytes).unwrap();
    std::thread::sleep(Duration::from_millis(1_100));
    place.back_up(&[]).expect_code(1).expect_says("is damaged, in a file with others");
    restore(&place.backups, "debs")
        .expect_code(1)
        .expect_says("neither empty nor a data directory");
    restore(&place.backups, "new").expect_success();
    let named = ["restore", &place.backups, "--data", "new", "--backup", "20200101T000000Z"];
    place.server.repod(&named).run().expect_code(1).expect_says("it has 2");
}

/// A backup that was killed is none, whatever it left; the next one is whole.
#[test]
fn a_backup_that_is_killed_is_none_and_the_next_one_is_whole() {
    let place = Place::new();
    place.server.upload("acme-web", "1.0").expect_success();
    let config = place.config();
    for milliseconds in [1, 5, 10, 20, 30, 50, 80, 120] {
        let line = format!("sleep 0.{milliseconds:03}; kill -9 $!");
        let run = format!(
            "'{}' backup '{}' --config '{config}' & {line}; wait $! 2>/dev/null; true",
            env!("CARGO_BIN_EXE_repod"),
            place.backups
        );
        program("sh").args(["-c", &run]).run().expect_success();
        if Path::new(&place.backups).join("repod-backups").exists() {
            place.names().iter().for_each(|name| sound(&place, name));
        }
    }
    std::thread::sleep(Duration::from_millis(1_100));
    place.back_up(&[]).expect_success();
    let names = place.names();
    names.iter().for_each(|name| sound(&place, name));
    let rest = fs::read_dir(&place.backups).unwrap().map(|entry| entry.unwrap().file_name());
    let rest: Vec<_> = rest.filter(|name| name.to_str().unwrap().starts_with('2')).collect();
    assert_eq!(rest.len(), names.len(), "nothing half is left");
    let other = place.server.at("other");
    let restore = ["restore", &place.backups, "--data", &other];
    for milliseconds in [1, 3, 6, 10, 15, 20, 30, 50] {
        let run = format!(
            "'{}' {} & sleep 0.{milliseconds:03}; kill -9 $!; wait $! 2>/dev/null; true",
            env!("CARGO_BIN_EXE_repod"),
            restore.map(|word| format!("'{word}'")).join(" ")
        );
        program("sh").args(["-c", &run]).run().expect_success();
    }
    place.server.repod(&restore).run().expect_success();
    // Another one, as a restoration that was killed among the keys leaves it.
    let third = place.server.at("third");
    let half = Path::new(&third).join("keys.new");
    fs::create_dir_all(&half).unwrap();
    fs::write(half.join("archive-key.asc"), "half").unwrap();
    place.server.repod(&["restore", &place.backups, "--data", &third]).run().expect_success();
    assert!(!half.exists());
    for data in [other, third] {
        let config = format!("{data}/repod.toml");
        place.server.repod(&["check", "--config", &config]).run().expect_success();
    }
}
