//! Every rule fails where it should: small houses with one thing wrong.

use crate::house::{Card, House, SourceFile, functions};
use crate::rules;
use crate::text;

const DOOR: &str = "//! A room.\n//!\n//! May name: nothing\n";

/// One room `a` that may name `b`, with `code` in it.
fn house(code: &str) -> House {
    let door = format!("//! A.\n//!\n//! May name: b\n{code}");
    House::sample(&[("a/mod.rs", &door), ("b.rs", DOOR), ("c.rs", DOOR)])
}

#[track_caller]
pub fn assert_faults(faults: &[String], wanted: &[&str]) {
    assert_eq!(faults.len(), wanted.len(), "{faults:#?}");
    for (fault, part) in faults.iter().zip(wanted) {
        assert!(fault.contains(part), "{fault:?} does not say {part:?}");
    }
}

#[test]
fn a_file_without_header_is_found() {
    let house = House::sample(&[("b.rs", "use std::fmt;\n"), ("c.rs", DOOR)]);
    assert_faults(&rules::missing_headers(&house), &["src/b.rs"]);
}

#[test]
fn a_missing_or_wrong_card_is_found() {
    let house = House::sample(&[
        ("a/mod.rs", "//! A room without a card.\n"),
        ("b.rs", "//! B.\n//! May name: a, cellar\n"),
        ("d/inner.rs", "//! A room without a door.\n"),
        ("lib.rs", "//! The root needs none.\n"),
    ]);
    let wanted = ["src/d/: has no mod.rs", "src/a/mod.rs: end the header", "names cellar"];
    assert_faults(&rules::missing_cards(&house), &wanted);
}

#[test]
fn cards_are_read_in_every_form() {
    let only = Card::parse(&["A.", "", "May name: domain, `time` (type only),", "digest."]);
    let only = only.expect("a card");
    assert_eq!(only.names(), ["domain", "time", "digest"]);
    let all_but = Card::parse(&["May name: all but cli, client"]).expect("a card");
    assert!(all_but.allows("flow") && !all_but.allows("cli"));
    assert!(!Card::parse(&["May name: nothing"]).expect("a card").allows("nothing"));
    assert!(Card::parse(&["It may name: b"]).is_none());
}

#[test]
fn an_arrow_off_the_card_is_found_in_every_spelling() {
    let spellings = [
        "use crate::c;",
        "use crate::c::d::{e, f};",
        "use crate::{b, c};",
        "use crate::{\n    b::{x, y},\n    c::Z,\n};",
        "fn f() -> crate::c::T { crate::b::t() }",
        "use super::c;",
        "pub(in crate::c) struct S;",
        "fn f() { let s = \"/* \"; crate :: c::g(); let q = '\"'; }",
        "fn f() { let s = r#\"\"// \"#; crate::c::g::<'static>(); }",
    ];
    for code in spellings {
        let faults = rules::arrows_off_the_card(&house(code));
        assert_eq!(faults.len(), 1, "{code}: {faults:?}");
        assert!(faults[0].contains("a names c, which its card does not allow"), "{faults:?}");
    }
}

#[test]
fn what_is_no_arrow_is_left_alone() {
    let innocent = [
        "use crate::b::{c, d};",
        "// use crate::c;\n/* crate::c /* nested */ crate::c */",
        "/// See [`crate::c`].\nfn f() { let s = \"crate::c\"; let t = r##\"crate::c\"##; }",
        "#[cfg(test)]\nmod tests {\n    use crate::c;\n    fn f() {}\n}\n",
        "#[cfg(test)]\nuse crate::c::Thing;\n",
        "use crate::a::other;\nuse super::c_like;\nuse other::c;",
        "fn f<'c>(x: &'c str) -> char { 'c' }",
    ];
    for code in innocent {
        assert_faults(&rules::arrows_off_the_card(&house(code)), &[]);
    }
    let deep = House::sample(&[
        ("a/mod.rs", DOOR),
        ("a/x/y.rs", "//! Y.\nuse super::super::super::c;\nuse super::super::c;\n"),
        ("a/tests.rs", "//! Tests.\nuse crate::c;\n"),
        ("c.rs", DOOR),
    ]);
    assert_faults(&rules::arrows_off_the_card(&deep), &["src/a/x/y.rs:2: a names c"]);
}

#[test]
fn a_name_from_the_crate_root_is_found() {
    assert_faults(&rules::arrows_off_the_card(&house("use crate::Thing;")), &["crate::Thing"]);
}

#[test]
fn programs_name_rooms_through_the_library() {
    let card = "//! The server.\n//! May name: b\nuse repod::{b, c};\n";
    let house = House::sample(&[("bin/repod.rs", card), ("b.rs", DOOR), ("c.rs", DOOR)]);
    assert_faults(&rules::arrows_off_the_card(&house), &["bin names c"]);
}

#[test]
fn a_cycle_is_found_once() {
    let house = House::sample(&[
        ("a/mod.rs", "//! A.\n//! May name: b\nuse crate::b;"),
        ("b.rs", "//! B.\n//! May name: c\nuse crate::c;"),
        ("c.rs", "//! C.\n//! May name: a\nuse crate::a;"),
        ("d.rs", "//! D.\n//! May name: a\nuse crate::a;"),
    ]);
    assert_faults(&rules::cycles(&house), &["a → b → c → a"]);
}

#[test]
fn a_room_that_is_not_on_the_page_is_found() {
    let page = "| `a/` | … |\n| `b` | … |\nand c\n";
    assert_faults(&rules::rooms_not_on_the_page(&house(""), page), &["`c`"]);
}

#[test]
fn a_long_file_is_found_and_its_tests_are_counted() {
    let of = |text: &str| rules::long_files(&[("tests/it/a.rs".to_owned(), text.to_owned())]);
    let lines = "const X: u8 = 1;\n".repeat(rules::FILE_LINES);
    assert_faults(&of(&lines), &[]);
    assert_faults(&of(&format!("//! A.\n{lines}")), &["tests/it/a.rs: 401 lines"]);
    assert_faults(&of(&format!("#[cfg(test)]\nmod tests {{\n{lines}}}\n")), &["403 lines"]);
}

#[test]
fn a_long_function_is_found() {
    let body = |lines| "    x();\n".repeat(lines - 2);
    let long = format!("fn long() -> [u8; 2] {{\n{}}}\n", body(rules::FUNCTION_LINES + 1));
    let short = "fn short() { if x { y() } }\n".repeat(20);
    assert_faults(&rules::long_functions(&house(&(long + &short))), &["long has 71 lines"]);
    let unusual = format!("fn unusual() {{\n{}}}\n", body(rules::USUAL_FUNCTION_LINES + 1));
    assert_faults(&rules::long_functions(&house(&(unusual.clone() + &short))), &[]);
    assert_faults(
        &rules::long_functions(&house(&(unusual.repeat(3) + &short))),
        &["3 of 23", "unusual", "unusual", "unusual"],
    );
}

#[test]
fn a_large_trait_is_found() {
    let of = |n: usize| format!("pub trait T: Send {{\n{}}}\n", "    fn m(&self);\n".repeat(n));
    assert_faults(&rules::large_traits(&house(&of(15))), &[]);
    assert_faults(&rules::large_traits(&house(&of(16))), &["trait T has 16 methods"]);
}

#[test]
fn banned_names_are_found() {
    let code = "
        mod util {}
        struct PoolManager;
        fn get_x() {}
        fn handle_request() {}
        impl A { fn process_all(&self) {} fn common() {} fn target() {} fn get(&self) {} }
        impl Foreign for A { fn get_ref(&self) {} }
        struct CommonName;
        fn common_name() {}
        fn done() {}";
    let wanted = ["get_x", "handle_request", "process_all", "fn common", "mod util", "PoolManager"];
    assert_faults(&rules::banned_names(&house(code)), &wanted);
}

#[test]
fn what_makes_a_room_impure_is_found() {
    let of = |code: &str| {
        let door = format!("{DOOR}{code}");
        rules::impurities(&House::sample(&[("domain/mod.rs", &door)]))
    };
    for code in [
        "use std::fs::File;",
        "use std::{fmt, env};",
        "async fn f() {}",
        "fn f() { tracing::info!(1) }",
        "fn f() { std::time::Instant::now() }",
        "fn f() { todo!() }",
    ] {
        assert_eq!(of(code).len(), 1, "{code}: {:?}", of(code));
    }
    assert_faults(&of("fn f(print: u8) -> bool { print != 1 } // async std::fs"), &[]);
}

#[test]
fn a_crate_out_of_its_room_is_found() {
    assert_faults(&rules::crates_out_of_their_rooms(&house("use sha2::Sha256;")), &["digest"]);
    let own = House::sample(&[("digest.rs", "//! D.\nuse sha2::{Digest, Sha256};")]);
    assert_faults(&rules::crates_out_of_their_rooms(&own), &[]);
}

#[test]
fn unsafe_code_out_of_its_place_is_found() {
    let of = |code: &str| rules::unsafe_out_of_its_place(&house(code));
    assert_faults(&of("fn f() { unsafe { g() } }"), &["write it in safe Rust"]);
    assert_faults(&of("#![allow(unsafe_code)]"), &["write it in safe Rust"]);
    assert_faults(&of("// unsafe is for others"), &[]);
}

#[test]
fn a_back_end_out_of_the_wiring_is_found() {
    let of = |room: &str| {
        let code = "//! R.\n//! May name: pool\nuse crate::pool::{Pool, disk::Disk};";
        let path = format!("{room}.rs");
        rules::back_ends_out_of_the_wiring(&House::sample(&[(&path, code), ("pool.rs", DOOR)]))
    };
    assert_faults(&of("flow"), &["pool is known by its traits only"]);
    assert_faults(&of("server"), &[]);
}

#[test]
fn literals_keep_lines_and_functions_keep_their_lengths() {
    let source = "fn a() {\n    let s = \"{\n\";\n    let c = '{'; let b = b'\\'';\n}\nfn b() {}\n";
    let code = text::without_comments_and_literals(source);
    assert_eq!(code.lines().count(), source.lines().count());
    let file = SourceFile::new("a.rs", source);
    let lengths: Vec<_> = functions(&file).iter().map(|f| (f.name.clone(), f.lines)).collect();
    assert_eq!(lengths, [("a".to_owned(), 5), ("b".to_owned(), 1)]);
}

#[test]
fn a_glob_from_the_crate_root_is_found() {
    assert_faults(&rules::arrows_off_the_card(&house("use crate::*;")), &["a names crate::*"]);
    assert_faults(&rules::arrows_off_the_card(&house("use crate::c::*;")), &["a names c"]);
    assert_faults(&rules::arrows_off_the_card(&house("use crate::b::*;")), &[]);
}
