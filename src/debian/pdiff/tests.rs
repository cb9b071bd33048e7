//! Scripts make the new file out of the old one, by the rules of ed and by apt's own program; the
//! index of patches is read back.

use std::process::Command;

use proptest::prelude::*;

use super::*;

/// Applies a script as ed would: command after command, to the file as the last one left it.
fn ed(old: &[u8], script: &[u8]) -> Vec<u8> {
    let mut file: Vec<Vec<u8>> = lines(old);
    let script = lines(script);
    let mut at = 0;
    while at < script.len() {
        let text = String::from_utf8(script[at].clone()).unwrap();
        at += 1;
        let (range, letter) = text.trim_end().split_at(text.trim_end().len() - 1);
        let (first, last) = range.split_once(',').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
        let mut added = Vec::new();
        if letter != "d" {
            let end = at + script[at..].iter().position(|line| line == b".\n").unwrap();
            added = script[at..end].to_vec();
            at = end + 1;
        }
        match letter {
            "a" => drop(file.splice(last..last, added)),
            "c" | "d" => drop(file.splice(first - 1..last, added)),
            other => panic!("unknown command {other}"),
        }
    }
    file.concat()
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// Applies a script with apt's own program (rred).
fn rred(old: &[u8], script: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let [input, output, patch] = ["input", "output", "patch"].map(|name| folder.path().join(name));
    std::fs::write(&input, old).unwrap();
    std::fs::write(&patch, script).unwrap();
    let done = Command::new("/usr/lib/apt/methods/rred")
        .arg("-t")
        .args([&input, &output, &patch])
        .output()
        .expect("apt's rred cannot be run: apt-get install apt");
    assert!(done.status.success(), "{done:?}");
    std::fs::read(&output).unwrap()
}

fn hunk(first: u64, removed: u64, lines: &str) -> Hunk<'_> {
    Hunk { first, removed, lines: lines.as_bytes() }
}

fn script(hunks: &[Hunk<'_>]) -> String {
    String::from_utf8(ed_script(hunks).unwrap()).unwrap()
}

#[test]
fn commands_go_from_the_end_to_the_beginning() {
    let hunks = [hunk(1, 0, "zero\n"), hunk(2, 1, "two\n"), hunk(4, 2, ""), hunk(7, 1, "")];
    let expected = "7d\n4,5d\n2c\ntwo\n.\n0a\nzero\n.\n";
    assert_eq!(script(&hunks), expected);
    let old = b"1\n2\n3\n4\n5\n6\n7\n";
    assert_eq!(ed(old, expected.as_bytes()), b"zero\n1\ntwo\n3\n6\n");
    assert_eq!(rred(old, expected.as_bytes()), b"zero\n1\ntwo\n3\n6\n");
    assert_eq!(script(&[hunk(3, 2, "x\ny\n")]), "3,4c\nx\ny\n.\n");
    assert_eq!(script(&[hunk(8, 0, "8\n")]), "7a\n8\n.\n");
    assert_eq!(script(&[hunk(3, 0, "")]), "");
}

#[test]
fn hunks_that_touch_are_one_command() {
    let hunks = [hunk(3, 1, "x\n"), hunk(4, 0, "y\n"), hunk(4, 2, "")];
    assert_eq!(script(&hunks), "3,5c\nx\ny\n.\n");
    assert_eq!(script(&[hunk(3, 0, "x\n"), hunk(3, 0, "y\n")]), "2a\nx\ny\n.\n");
}

#[test]
fn what_a_script_cannot_say_is_refused() {
    let cases: [(&[Hunk<'_>], &str); 6] = [
        (&[hunk(1, 1, "a\n.\nb\n")], "lone dot"),
        (&[hunk(1, 1, ".\n")], "lone dot"),
        (&[hunk(1, 1, "a")], "end with a newline"),
        (&[hunk(0, 1, "a\n")], "from 1"),
        (&[hunk(3, 2, ""), hunk(4, 1, "")], "overlap"),
        (&[hunk(u64::MAX, 1, "")], "fits"),
    ];
    for (hunks, part) in cases {
        let error = ed_script(hunks).expect_err(part).to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(ed_script(&[hunk(1, 1, "..\n .\n\n. \n")]).is_ok());
}

/// An old file, and the change of each of its lines and of the gap before it.
fn edits() -> impl Strategy<Value = (Vec<String>, Vec<(bool, Vec<String>)>)> {
    let line = "( ?[a-z.]{0,3})".prop_filter("a lone dot", |line| line != ".");
    let added = prop::collection::vec(line.clone(), 0..3);
    let keep = prop::bool::weighted(0.7);
    let added = prop_oneof![3 => Just(Vec::new()), 1 => added];
    (prop::collection::vec(line, 0..30), prop::collection::vec((keep, added), 31))
}

/// The new file, and the hunks that lead there.
fn outcome(old: &[String], edits: &[(bool, Vec<String>)]) -> (String, Vec<(u64, u64, String)>) {
    let (mut new, mut hunks) = (String::new(), Vec::new());
    for (at, (keeps, added)) in edits.iter().take(old.len() + 1).enumerate() {
        let added: String = added.iter().map(|line| format!("{line}\n")).collect();
        new.push_str(&added);
        let kept = at == old.len() || *keeps;
        hunks.push((at as u64 + 1, u64::from(!kept), added));
        if kept && at < old.len() {
            new.push_str(&old[at]);
            new.push('\n');
        }
    }
    (new, hunks)
}

proptest! {
    #[test]
    fn scripts_lead_from_any_file_to_any_other((old, edits) in edits()) {
        let (new, hunks) = outcome(&old, &edits);
        let hunks: Vec<_> = hunks.iter().map(|(first, removed, lines)| hunk(*first, *removed, lines)).collect();
        let old: String = old.iter().map(|line| format!("{line}\n")).collect();
        let script = ed_script(&hunks).unwrap();
        prop_assert_eq!(ed(old.as_bytes(), &script), new.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn apt_agrees((old, edits) in edits()) {
        let (new, hunks) = outcome(&old, &edits);
        let hunks: Vec<_> = hunks.iter().map(|(first, removed, lines)| hunk(*first, *removed, lines)).collect();
        let script = ed_script(&hunks).unwrap();
        let old: String = old.iter().map(|line| format!("{line}\n")).collect();
        prop_assert_eq!(rred(old.as_bytes(), &script), new.as_bytes());
    }
}

#[test]
fn a_new_version_replaces_the_lines_that_differ() {
    let old = "Package: a\nV: 1\nX: 1\n\nPackage: b\nV: 1\nX: 1\n\nPackage: d\nV: 1\n\n";
    let new = "Package: a\nV: 1\nX: 1\n\nPackage: b\nV: 2\nX: 1\n\nPackage: c\nV: 1\n\nPackage: d\nV: 1\nY: 1\n\n";
    let hunks = stanza_hunks(11, old.as_bytes(), new.as_bytes());
    let expected =
        [hunk(16, 1, "V: 2\n"), hunk(19, 0, "Package: c\nV: 1\n\n"), hunk(21, 0, "Y: 1\n")];
    assert_eq!(hunks, expected);
    assert_eq!(stanza_hunks(1, new.as_bytes(), new.as_bytes()), []);
}

proptest! {
    #[test]
    fn stanzas_lead_from_any_run_to_any_other(
        old in prop::collection::vec("P: [a-e]\n(V: [12]\n){0,3}\n", 0..9),
        new in prop::collection::vec("P: [a-e]\n(V: [12]\n){0,3}\n", 0..9),
        sorted in any::<bool>(),
    ) {
        let [old, new] = [old, new].map(|mut stanzas| {
            if sorted {
                stanzas.sort();
            }
            stanzas.concat()
        });
        let script = ed_script(&stanza_hunks(1, old.as_bytes(), new.as_bytes())).unwrap();
        prop_assert_eq!(ed(old.as_bytes(), &script), new.as_bytes());
    }
}

proptest! {
    #[test]
    fn scripts_read_back_and_hunks_apply((old, edits) in edits()) {
        let (new, hunks) = outcome(&old, &edits);
        let hunks: Vec<_> = hunks.iter().map(|(first, removed, lines)| hunk(*first, *removed, lines)).collect();
        let old: String = old.iter().map(|line| format!("{line}\n")).collect();
        prop_assert_eq!(apply(1, old.as_bytes(), &hunks), Some(new.clone().into_bytes()));
        let script = ed_script(&hunks).unwrap();
        let read = read_script(&script).unwrap();
        prop_assert_eq!(apply(1, old.as_bytes(), &read), Some(new.into_bytes()));
        prop_assert_eq!(ed_script(&read).unwrap(), script);
    }

    /// However chunks are cut, stanzas that keep their order are in no hunk.
    #[test]
    fn a_pair_of_texts_in_step_is_walked_along_to_its_end(
        held in prop::collection::vec(("[a-e]{1,3}", prop::bool::weighted(0.8)), 0..20),
        came in prop::collection::vec((0usize..20, "[a-e]{1,3}"), 0..6),
        cuts in (1usize..5, 1usize..5),
    ) {
        let stanza = |(at, name): (usize, &String)| format!("P: {name}{at}\n\n");
        let old: Vec<_> = held.iter().enumerate().map(|(at, (name, _))| stanza((at, name))).collect();
        let kept = held.iter().enumerate().filter(|(_, (_, kept))| *kept);
        let mut new: Vec<_> = kept.map(|(at, (name, _))| stanza((at, name))).collect();
        let gone = old.len() - new.len();
        for (number, (at, name)) in came.iter().enumerate() {
            new.insert((*at).min(new.len()), stanza((100 + number, name)));
        }
        let chunks = |stanzas: &[String], cut| -> Vec<String> {
            stanzas.chunks(cut).map(|some| some.concat()).collect()
        };
        let (mut olds, mut news) = (chunks(&old, cuts.0).into_iter(), chunks(&new, cuts.1).into_iter());
        let (mut before, mut after) = (String::new(), String::new());
        let (mut line, mut hunks, mut waits) = (1, Vec::new(), false);
        loop {
            if before.is_empty() || waits { before += &olds.next().unwrap_or_default(); }
            if after.is_empty() || waits { after += &news.next().unwrap_or_default(); }
            let ended = olds.len() + news.len() == 0;
            let (of_old, of_new) = match ended {
                true => (before.len(), after.len()),
                false => in_step(before.as_bytes(), after.as_bytes()),
            };
            for one in stanza_hunks(line, &before.as_bytes()[..of_old], &after.as_bytes()[..of_new]) {
                hunks.push((one.first, one.removed, one.lines.to_vec()));
            }
            line += lines_in(&before.as_bytes()[..of_old]);
            before.drain(..of_old);
            after.drain(..of_new);
            waits = (of_old, of_new) == (0, 0);
            if ended { break; }
        }
        let hunks: Vec<_> = hunks.iter().map(|(first, removed, lines)| Hunk { first: *first, removed: *removed, lines }).collect();
        let removed: u64 = hunks.iter().map(|hunk| hunk.removed).sum();
        prop_assert!(removed <= 2 * gone as u64, "{} lines go for {} stanzas", removed, gone);
        let script = ed_script(&hunks).unwrap();
        let (old, new) = (old.concat(), new.concat());
        prop_assert_eq!(ed(old.as_bytes(), &script), new.as_bytes());
    }
}

#[test]
fn a_stanza_that_goes_to_the_end_leaves_the_rest_alone() {
    let stanzas =
        |names: &str| names.chars().map(|name| format!("P: {name}\nV: 1\n\n")).collect::<String>();
    let (old, new) = (stanzas("abcdefg"), stanzas("acdefgb"));
    let hunks = stanza_hunks(1, old.as_bytes(), new.as_bytes());
    assert_eq!(hunks, [hunk(4, 3, ""), hunk(22, 0, "P: b\nV: 1\n\n")]);
    assert_eq!(in_step(old.as_bytes(), new.as_bytes()), (old.len(), new.len() - 11));
    assert_eq!(in_step(b"P: a\n\n", b"P: b\n\n"), (0, 0));
}

#[test]
fn what_is_no_script_of_ours_is_refused() {
    let cases = [
        ("1x\n", "a command is"),
        ("01d\n", "a command is"),
        ("0d\n", "a command is"),
        ("3,3d\n", "a command is"),
        ("4,3d\n", "a command is"),
        ("1,2a\nx\n.\n", "a command is"),
        ("1c\n.\n", "has lines"),
        ("1c\nx\n", "a lone dot ends"),
        ("1d\n2d\n", "from the end"),
        ("2d\n1d\n", "do not touch"),
        ("1d", "ends with a newline"),
    ];
    for (script, part) in cases {
        let error = read_script(script.as_bytes()).expect_err(script).to_string();
        assert!(error.contains(part), "{script:?}: {error}");
    }
    assert_eq!(apply(5, b"a\n", &[hunk(4, 1, "")]), None);
    assert_eq!(apply(5, b"a\n", &[hunk(5, 2, "")]), None);
    assert_eq!(apply(5, b"a\n", &[hunk(7, 0, "x\n")]), None);
    assert_eq!(apply(5, b"a\n", &[hunk(6, 0, "x\n")]).unwrap(), b"a\nx\n");
}

fn marked(text: &str) -> FileMark {
    FileMark::of(text.as_bytes())
}

fn patch_named(name: &str) -> Patch {
    Patch {
        name: name.into(),
        from: marked(&format!("from {name}")),
        script: marked(&format!("the script of {name}")),
        download: marked(&format!("gz {name}")),
    }
}

fn example() -> PdiffIndex {
    PdiffIndex { current: marked("now"), patches: vec![patch_named("9-11"), patch_named("10-11")] }
}

#[test]
fn the_index_is_what_apt_expects() {
    let digest = |text: &str| Digest::of(text.as_bytes());
    let expected = format!(
        "SHA256-Current: {} 3\n\
         SHA256-History:\n {} 9 9-11\n {} 10 10-11\n\
         SHA256-Patches:\n {} 18 9-11\n {} 19 10-11\n\
         SHA256-Download:\n {} 7 9-11.gz\n {} 8 10-11.gz\n\
         X-Patch-Precedence: merged\n",
        digest("now"),
        digest("from 9-11"),
        digest("from 10-11"),
        digest("the script of 9-11"),
        digest("the script of 10-11"),
        digest("gz 9-11"),
        digest("gz 10-11"),
    );
    assert_eq!(example().write(), expected);
    assert_eq!(PdiffIndex::parse(&expected), Ok(example()));
    let empty = PdiffIndex { patches: Vec::new(), ..example() };
    assert_eq!(PdiffIndex::parse(&empty.write()), Ok(empty));
}

#[test]
fn an_index_that_says_more_or_less_is_refused() {
    let good = example().write();
    let cases = [
        ("SHA256-Current: ", "SHA256-Current:  ", "64 lower-case"),
        ("SHA256-Current", "SHA1-Current", "comes first"),
        ("SHA256-Patches", "SHA1-Patches", "in this order"),
        (" 9-11\n", " 9_11\n", "a name is"),
        (" 9-11\n", " ../9-11\n", "a name is"),
        (" 9-11\n", " 8-11\n", "name the same patches"),
        (" 9-11\n", " 10-11\n", "name the same patches"),
        (" 9-11.gz\n", " 9-11.xz\n", "ends with .gz"),
        (" 9-11.gz\n", " 9-11.gz\n ab 3 x.gz\n", "64 lower-case"),
        (" 3\n", " 03\n", "leading zeros"),
        ("merged\n", "merged\n\n", "comes last"),
        ("X-Patch-Precedence: merged\n", "", "comes last"),
        ("merged\n", "merged", "ends with a newline"),
    ];
    for (from, to, part) in cases {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        let error = PdiffIndex::parse(&text).expect_err(to).to_string();
        assert!(error.contains(part), "{from:?} to {to:?}: {error}");
    }
    let mut circle = example();
    circle.patches[0].from = circle.current;
    assert!(PdiffIndex::parse(&circle.write()).is_err());
}
