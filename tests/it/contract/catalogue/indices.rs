//! Indices: what every back end promises of the files that generations list, and of their chunks.

use std::path::Path;

use repod::catalogue::{Catalogue, CatalogueError};
use repod::digest::Digest;
use repod::domain::{Completion, Encoding, IndexFile, StoredChunk};

use super::samples::*;
use super::{Make, with_suite};

/// Publishes a generation that lists these files.
pub fn publish_indices(
    catalogue: &dyn Catalogue,
    number: u64,
    texts: &[&str],
    indices: &[IndexFile],
) {
    let mut publication = generation("stable", number, &[], &[]);
    let new = publication.generation.as_mut().unwrap();
    new.chunks = texts.iter().map(|text| chunk(text)).collect();
    new.indices = indices.to_vec();
    catalogue.publish(&publication).unwrap();
}

pub fn indices_are_kept_for_each_generation(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let amd64 = [["a", "b"], ["a", "c"], ["a", "c"], ["a", "b"]];
    let arm64 = index("main/binary-arm64", &[]);
    for (number, texts) in (1..).zip(amd64) {
        let mut indices = index("main/binary-amd64", &texts);
        indices.extend(arm64.clone());
        publish_indices(&*catalogue, number, &texts, &indices);
    }
    let name = suite("stable");
    for (number, texts) in (1..).zip(amd64) {
        let mut expected = index("main/binary-amd64", &texts);
        for file in &expected {
            let found = catalogue.find_index(&name, number, &file.path).unwrap().unwrap();
            assert_eq!(found.file, *file, "{number}");
            let chunks: Vec<_> = found.chunks.iter().map(|chunk| (**chunk).clone()).collect();
            assert_eq!(chunks, texts.map(chunk), "{number}");
        }
        expected.extend(arm64.clone());
        expected.sort_by(|a, b| a.path.cmp(&b.path));
        let mut listed = catalogue.list_indices(&name, number).unwrap();
        listed.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(listed, expected, "{number}");
    }
    let path = "main/binary-amd64/Packages";
    for absent in [0, 5, u64::MAX] {
        assert_eq!(catalogue.find_index(&name, absent, path).unwrap(), None);
        assert!(catalogue.list_indices(&name, absent).unwrap().is_empty());
    }
    assert_eq!(catalogue.find_index(&name, 1, "main/binary-amd64").unwrap(), None);
    assert_eq!(catalogue.find_index(&suite("other"), 1, path).unwrap(), None);
}

pub fn indices_are_found_by_hash_for_ever(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [old, new] = ["old", "new"].map(|text| index("main/binary-amd64", &[text]));
    let mut first = old.clone();
    first.push(IndexFile { path: "Contents".into(), ..old[0].clone() });
    publish_indices(&*catalogue, 1, &["old"], &first);
    publish_indices(&*catalogue, 2, &["new"], &new);
    let find = |name: &str, directory: &str, digest: &Digest| {
        catalogue.find_by_hash(&suite(name), directory, digest).unwrap()
    };
    for file in old.iter().chain(&new) {
        let found = find("stable", "main/binary-amd64", &file.digest).unwrap();
        assert_eq!(found.file, *file);
        assert_eq!(found.chunks.len(), 1);
        assert_eq!(found.chunks[0].key, file.chunks[0]);
    }
    let digest = &old[0].digest;
    assert_eq!(find("stable", "", digest).unwrap().file.path, "Contents");
    for directory in ["main", "main/binary-amd64/", "main/binary-amd6", "%"] {
        assert_eq!(find("stable", directory, digest), None, "{directory}");
    }
    assert_eq!(find("other", "main/binary-amd64", digest), None);
    assert_eq!(find("stable", "main/binary-amd64", &Digest::of(b"?")), None);
}

pub fn an_index_that_ends_is_listed_until_then(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let name = suite("stable");
    let files = index("main/binary-amd64", &["x"]);
    publish_indices(&*catalogue, 1, &["x"], &files);
    publish_indices(&*catalogue, 2, &[], &files[..1]);
    publish_indices(&*catalogue, 3, &[], &files);
    let count = |number| catalogue.list_indices(&name, number).unwrap().len();
    assert_eq!([count(1), count(2), count(3)], [3, 1, 3]);
    let gz = |number| catalogue.find_index(&name, number, &files[1].path).unwrap().is_some();
    assert_eq!([gz(1), gz(2), gz(3)], [true, false, true]);
}

pub fn what_an_index_was_is_listed_once_for_each_state(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let name = suite("stable");
    let made_of = |mut files: Vec<IndexFile>, generation| {
        files[0].made_of = generation;
        files
    };
    let [x, y] = ["x", "y"].map(|text| index("main/binary-amd64", &[text]));
    let states = [&x, &x, &y, &x].map(Clone::clone);
    for (number, files) in (1..).zip(states) {
        let files = made_of(files, (number == 3).then_some(2));
        publish_indices(&*catalogue, number, &["x", "y"], &files);
    }
    let path = &x[0].path;
    let past = |before, limit| {
        let past = catalogue.list_past(&name, path, before, limit).unwrap();
        past.iter().map(|past| (past.generation, past.digest)).collect::<Vec<_>>()
    };
    let (is_x, is_y) = (x[0].digest, y[0].digest);
    assert_eq!(past(5, 10), [(4, is_x), (3, is_y), (1, is_x)]);
    assert_eq!((past(4, 10), past(5, 1)), (vec![(3, is_y), (1, is_x)], vec![(4, is_x)]));
    assert_eq!(past(1, 10), []);
    let one = &catalogue.list_past(&name, path, 4, 1).unwrap()[0];
    assert_eq!(one.size_bytes, y[0].size_bytes);
    let published = catalogue.list_generations(&name, Some(4), 1).unwrap()[0].at;
    assert_eq!(one.at, published);
    assert_eq!(catalogue.list_past(&name, "main/absent", 5, 10).unwrap(), []);
    let listed = |number| catalogue.find_index(&name, number, path).unwrap().unwrap().file.made_of;
    assert_eq!([listed(1), listed(3), listed(4)], [None, Some(2), None]);
}

pub fn chunks_and_packs_are_listed(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let [mut one, two] = ["one", "two"].map(chunk);
    one.pack = Digest::of(b"other pack");
    let mut publication = generation("stable", 1, &[], &[]);
    publication.generation.as_mut().unwrap().chunks = vec![one.clone(), two.clone()];
    catalogue.publish(&publication).unwrap();
    // The same key again: where it was first put is where it stays.
    let mut again = generation("stable", 2, &[], &[]);
    again.generation.as_mut().unwrap().chunks = vec![chunk("one")];
    catalogue.publish(&again).unwrap();
    let asked = [two.key, Digest::of(b"absent"), one.key];
    let mut found = catalogue.find_chunks(&asked).unwrap();
    found.sort_by_key(|chunk| chunk.plain_bytes != one.plain_bytes || chunk.key != one.key);
    assert_eq!(found, [one.clone(), two.clone()]);
    let mut packs = catalogue.list_packs().unwrap();
    packs.sort();
    let mut expected = [one.pack, two.pack, run(0).pack, block(0).pack];
    expected.sort();
    assert_eq!(packs, expected);
}

pub fn blocks_come_later_and_stay(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let bare = StoredChunk { xz: None, ..chunk("x") };
    let mut publication = generation("stable", 1, &[], &[]);
    let new = publication.generation.as_mut().unwrap();
    new.chunks = vec![bare.clone()];
    new.indices = index("main/binary-amd64", &["x"]);
    catalogue.publish(&publication).unwrap();
    let name = suite("stable");
    let xz = || catalogue.find_index(&name, 1, "main/binary-amd64/Packages.xz").unwrap().unwrap();
    assert_eq!(*xz().chunks[0], bare);
    catalogue.record_blocks(&[(bare.key, block(5)), (Digest::of(b"absent"), block(6))]).unwrap();
    // A head may have been signed over the first block: another one does not take its place.
    catalogue.record_blocks(&[(bare.key, block(7))]).unwrap();
    assert_eq!(xz().chunks[0].xz, Some(block(5)));
    assert_eq!(catalogue.find_chunks(&[bare.key]).unwrap()[0].xz, Some(block(5)));
    assert!(catalogue.list_packs().unwrap().contains(&block(5).pack));
}

pub fn runs_come_later_and_stay(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let old = StoredChunk { plain_offset: None, run: None, ..chunk("x") };
    let new = StoredChunk { member: None, ..chunk("y") };
    let mut publication = generation("stable", 1, &[], &[]);
    let generation = publication.generation.as_mut().unwrap();
    generation.chunks = vec![old.clone(), new.clone()];
    generation.indices = index("main/binary-amd64", &["x", "y"]);
    catalogue.publish(&publication).unwrap();
    let name = suite("stable");
    let gz = || catalogue.find_index(&name, 1, "main/binary-amd64/Packages.gz").unwrap().unwrap();
    assert_eq!(gz().chunks.iter().map(|one| (**one).clone()).collect::<Vec<_>>(), [old, new]);
    let absent = Digest::of(b"absent");
    let key = chunk("x").key;
    catalogue.record_runs(&[(key, run(5)), (absent, run(6))]).unwrap();
    catalogue.record_runs(&[(key, run(7)), (chunk("y").key, run(8))]).unwrap();
    let runs: Vec<_> = gz().chunks.iter().map(|one| one.run).collect();
    assert_eq!(runs, [Some(run(5)), chunk("y").run]);
    assert!(catalogue.list_packs().unwrap().contains(&run(5).pack));
}

/// Even where a file is the same bytes in both forms: what a suite lists is told by what is recorded.
pub fn the_form_of_a_file_is_recorded(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let name = suite("stable");
    let new = index("main/binary-amd64", &["x"]).remove(1);
    let old = IndexFile { encoding: Encoding::Members, ..new.clone() };
    assert_eq!((new.encoding, old.path.as_str()), (Encoding::Gz, new.path.as_str()));
    publish_indices(&*catalogue, 1, &["x"], std::slice::from_ref(&old));
    publish_indices(&*catalogue, 2, &[], std::slice::from_ref(&new));
    assert_eq!(catalogue.list_indices(&name, 1).unwrap(), [old]);
    assert_eq!(catalogue.list_indices(&name, 2).unwrap(), [new]);
}

/// Files that are made together are of one generation, also those that came out as they were.
pub fn what_lags_tells_of_which_generation_it_is(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let name = suite("stable");
    let of = |text: &str, directory: &str, made_of| IndexFile {
        made_of: Some(made_of),
        ..index(directory, &[text]).remove(0)
    };
    publish_indices(&*catalogue, 1, &["x", "y"], &[of("x", "a", 1), of("x", "b", 1)]);
    let next = [of("x", "a", 2), of("y", "b", 2)];
    publish_indices(&*catalogue, 2, &[], &next);
    let mut listed = catalogue.list_indices(&name, 2).unwrap();
    listed.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(listed, next);
}

pub fn a_live_generation_lists_more_when_it_is_whole(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let name = suite("stable");
    let files = index("main/binary-amd64", &["x"]);
    publish_indices(&*catalogue, 1, &["x"], &files[..2]);
    let old = IndexFile { path: "main/Contents-amd64".into(), ..index("main", &["y"])[0].clone() };
    let new = IndexFile { digest: Digest::of(b"newer"), ..old.clone() };
    let patch = IndexFile { path: "main/patch".into(), listed: false, ..old.clone() };
    let date = catalogue.load_suite(&name).unwrap().unwrap().head.unwrap().date;
    let completion = |seconds: i64, indices: Vec<IndexFile>| Completion {
        rings: Vec::new(),
        suite: name.clone(),
        chunks: vec![chunk("y")],
        indices,
        head: head(1, date.plus(seconds).0),
    };
    let with = |more: &[&IndexFile]| -> Vec<IndexFile> {
        files.iter().chain(more.iter().copied()).cloned().collect()
    };
    catalogue.complete(&completion(1, with(&[&old, &patch]))).unwrap();
    let paths = |number| catalogue.list_indices(&name, number).unwrap().len();
    assert_eq!(paths(1), 5);
    assert_eq!(catalogue.load_suite(&name).unwrap().unwrap().head.unwrap().date, date.plus(1));
    catalogue.complete(&completion(2, with(&[&new]))).unwrap();
    assert_eq!(paths(1), 4);
    let found = catalogue.find_index(&name, 1, &old.path).unwrap().unwrap();
    assert_eq!(found.file.digest, new.digest);
    // What was listed for a while is found by its digest, and a patch by its path, for ever.
    assert!(catalogue.find_by_hash(&name, "main", &old.digest).unwrap().is_some());
    assert_eq!(catalogue.find_patch(&name, "main/patch").unwrap().unwrap().file.path, patch.path);
    assert_eq!(catalogue.find_patch(&name, &old.path).unwrap(), None);
    // Neither an older Date nor another generation.
    let stale = catalogue.complete(&completion(2, files.clone()));
    assert!(matches!(stale, Err(CatalogueError::Stale(_))), "{stale:?}");
    assert_eq!(paths(1), 4);
}
