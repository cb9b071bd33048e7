//! The rules about circles of files and about sub-rooms fail where they should.

use crate::circles;
use crate::house::House;
use crate::samples::assert_faults;

/// A room `a` with this code in its door and in two of its three files.
fn files_of(door: &str, c: &str, d: &str) -> House {
    let files = [("a/mod.rs", door), ("a/b.rs", "pub struct B;"), ("a/c.rs", c), ("a/d.rs", d)];
    House::sample(&files)
}

#[test]
fn files_that_lead_to_each_other_are_found_in_every_spelling() {
    let door = "pub use b::B;\npub use c::{C, fun};\npub(crate) use self::d::D as Dee;";
    let spellings = [
        "use crate::a::d::D;",
        "use crate::a::{b::B, d::{D, E}};",
        "use super::d::D;",
        "use super::{B, d};",
        "use super::super::a::d::D;",
        "fn f() -> super::d::D { super::b::b() }",
        "use crate::{a::d};",
        // Through a re-export, renamed in it.
        "use super::Dee;",
        "fn f(d: crate::a::Dee) {}",
        // Through a glob, of the module and of one that has it.
        "use super::d::*;",
        "use super::{b::*, d::*};",
    ];
    let back = "use super::fun;\npub struct D;";
    for code in spellings {
        let faults = circles::file_circles(&files_of(door, code, back));
        assert_faults(&faults, &["files lead to each other: a::c, a::d"]);
    }
    // Where the door hands on all of both, and where it hands on a module with what is in it.
    let all = files_of(
        "pub use c::*;\npub use d::*;",
        "use super::D;\npub struct C;",
        "use super::C;\npub struct D;",
    );
    assert_faults(&circles::file_circles(&all), &["each other: a::c, a::d"]);
    let deep = House::sample(&[
        ("a/mod.rs", "pub use d::part::{self, Part};"),
        ("a/c.rs", "use super::part::make;\npub struct C;"),
        ("a/d/mod.rs", "pub mod part;"),
        ("a/d/part.rs", "use crate::a::c::C;\npub struct Part;"),
    ]);
    assert_faults(&circles::file_circles(&deep), &["each other: a::c, a::d::part"]);
}

#[test]
fn a_door_that_its_children_name_is_found() {
    let child = "use super::Own;\npub struct B;";
    let doors = [
        "mod b;\nuse b::B;\npub struct Own;",
        "mod b;\nuse self::b::{self, B};\npub struct Own;",
        "mod b;\npub struct Own;\nfn f() -> b::B { b::make() }",
        "mod b;\npub use b::B;\npub struct Own;\nimpl Own { fn f() { b::make() } }",
        "mod b;\npub struct Own;\npub fn f() { use b::B; }",
        "mod b;\nuse b::*;\npub struct Own;",
    ];
    for door in doors {
        for child in [child, "use super::*;", "use crate::a::Own;", "fn f(own: super::Own) {}"] {
            let house = House::sample(&[("a/mod.rs", door), ("a/b.rs", child)]);
            assert_faults(&circles::file_circles(&house), &["each other: a, a::b"]);
        }
        // The same in a room whose door lies beside its folder.
        let house = House::sample(&[("a.rs", door), ("a/b.rs", child)]);
        assert_faults(&circles::file_circles(&house), &["each other: a, a::b"]);
    }
}

#[test]
fn a_circle_of_more_than_two_files_is_found_once() {
    let door = "pub use b::B;";
    let house = House::sample(&[
        ("a/mod.rs", door),
        ("a/b.rs", "use super::c::C;\npub struct B;"),
        ("a/c.rs", "use super::d::D;"),
        ("a/d.rs", "use super::B;"),
        ("a/e.rs", "use super::{c::C, d::D};"),
    ]);
    assert_faults(&circles::file_circles(&house), &["each other: a::b, a::c, a::d"]);
}

#[test]
fn what_leads_one_way_is_left_alone() {
    let cases = [
        // A door only hands on what its children take from each other.
        ("pub use c::C;\npub use d::D;", "use super::D;", "pub struct D;"),
        ("pub(crate) use c::C;\npub use d::*;", "use super::{B, D};", "pub struct D;"),
        ("pub use self::{\n    c::C,\n    d::{self, D},\n};", "use super::D;", "pub struct D;"),
        // Private names of the door are bound there and defined elsewhere.
        ("use d::D;\npub use c::C;", "use super::D;", "pub struct D;"),
        // Tests, comments and literals are no arrows.
        (
            "pub struct A;",
            "use super::d::D;",
            "#[cfg(test)]\nmod tests { use super::super::c::C; }",
        ),
        ("pub struct A;", "use super::d::D;", "#[cfg(test)]\nuse super::c::C;"),
        ("mod c;\nuse c::C;", "#[cfg(test)]\nmod tests {\n    use super::super::*;\n}", ""),
        (
            "pub struct A;",
            "use super::d::D;",
            "/// See [`super::c::C`].\nconst S: &str = \"super::c\";",
        ),
        // Names of other crates, of methods and of what is inside.
        (
            "pub struct A;",
            "use super::d::D;",
            "use c::C;\nuse std::super_c::c::C;\nfn f() { x.c::<u8>() }",
        ),
        (
            "pub struct A;",
            "use super::d::D;",
            "impl D { fn f() { Self::c(); self.c(); D::c::<u8>() } }",
        ),
    ];
    for (door, c, d) in cases {
        let faults = circles::file_circles(&files_of(door, c, d));
        assert!(faults.is_empty(), "{door}\n{c}\n{d}\n{faults:?}");
    }
    let house = House::sample(&[
        ("a/mod.rs", "mod b;\nuse b::B;\npub struct Own;"),
        ("a/b.rs", "pub struct B;"),
        ("a/b/tests.rs", "use super::super::Own;"),
        ("a/tests/more.rs", "use crate::a::Own;"),
    ]);
    assert_faults(&circles::file_circles(&house), &[]);
}

/// The room that is divided, with one sub-room that may name `low` and one of these arrows.
fn divided(high: &str, low: &str) -> House {
    House::sample(&[
        ("flow/mod.rs", "//! F.\npub use high::work::Work;"),
        ("flow/error.rs", "pub struct Wrong;"),
        ("flow/high/mod.rs", "//! High.\n//!\n//! May name: low, error\nuse work::Work;"),
        ("flow/high/work.rs", high),
        ("flow/low/mod.rs", "//! Low.\n//!\n//! May name: error\npub use base::Base;"),
        ("flow/low/base.rs", low),
        ("flow/other/mod.rs", "//! Other.\n//!\n//! May name: nothing\npub mod thing;"),
        ("flow/other/thing.rs", "pub struct Thing;"),
    ])
}

#[test]
fn an_arrow_between_sub_rooms_off_the_card_is_found() {
    for code in [
        "use crate::flow::other::thing::Thing;",
        "use super::super::other::thing;",
        "use crate::flow::{error::Wrong, low::Base, other::thing::{Thing}};",
        "fn f() { crate::flow::other::thing::run() }",
        "use crate::flow::other::thing::*;",
    ] {
        let faults = circles::sub_rooms_off_their_cards(&divided(code, ""));
        assert_faults(
            &faults,
            &["flow::high::work names flow::other::thing, which the card of high does not allow"],
        );
    }
    // Also where the room's own door hands it on; here it leads back as well.
    let both = divided("use crate::flow::low::Base;", "use crate::flow::Work;\npub struct Base;");
    let wanted = ["flow::low::base names flow::high::work", "high leads back", "low leads back"];
    assert_faults(&circles::sub_rooms_off_their_cards(&both), &wanted);
}

#[test]
fn arrows_between_sub_rooms_on_their_cards_are_left_alone() {
    for code in [
        "use crate::flow::low::Base;\nuse crate::flow::error::Wrong;",
        "use super::super::low::base::Base;",
        "use crate::domain::other;",
        "#[cfg(test)]\nmod tests { use crate::flow::other::thing::Thing; }",
    ] {
        let low = "use crate::flow::error::Wrong;\npub struct Base;";
        assert_faults(&circles::sub_rooms_off_their_cards(&divided(code, low)), &[]);
    }
}

#[test]
fn a_sub_room_without_a_card_is_found() {
    let house = House::sample(&[
        ("flow/mod.rs", "//! F."),
        ("flow/alone.rs", "//! A file, and no room."),
        ("flow/bare/mod.rs", "//! A door without a card."),
        ("flow/bare/thing.rs", "//! Thing."),
        ("flow/beside.rs", "//! A door beside its folder.\n//!\n//! May name: nothing"),
        ("flow/beside/thing.rs", "//! Thing."),
        ("other/bare/mod.rs", "//! No sub-room: this room is not divided."),
    ]);
    let wanted = ["src/flow/bare/mod.rs: end the header", "src/flow/beside/mod.rs: end the header"];
    assert_faults(&circles::sub_rooms_off_their_cards(&house), &wanted);
}
