//! What lies beyond the suites of who asks is absent: every route of the table, asked for every kind of
//! name that exists only elsewhere and for one that exists nowhere, gives the same answer but for the name.

mod asks;
mod shared;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use repod::api::BASE;
use repod::http::route::Route;
use repod::http::table;
use serde_json::Value;

use crate::walk::line::{Answer, Line};
use asks::{Ask, asks};
use world::{Kind, Person, World};

/// Every row that is served to clients, with the root of its paths.
fn rows() -> Vec<(&'static Route, &'static str)> {
    let api = table::api().map(|route| (route, BASE.trim_start_matches('/')));
    let rows: Vec<_> = api.chain(table::FILES.iter().map(|route| (route, ""))).collect();
    assert!(rows.len() > 45, "{}", rows.len());
    rows
}

/// One request, with a name in its place.
fn send(line: &mut Line<'_>, route: &Route, root: &str, ask: &Ask, name: &str) -> Vec<Answer> {
    let path = format!("{root}{}", ask.path).replace("NAME", name);
    let path = path.trim_start_matches('/');
    let body = ask.body.replace("NAME", name);
    let methods: &[&str] = if route.reads() { &["GET", "HEAD"] } else { &[route.method] };
    let headers: &[&str] = if ask.unread { &["Content-Length: 9"] } else { &[] };
    methods.iter().map(|method| line.ask(method, path, headers, &body)).collect()
}

/// All of some answers, with the name that was asked for left out.
fn text(answers: &[Answer], name: &str) -> String {
    let all: Vec<_> = answers.iter().map(Answer::text).collect();
    let all = all.join("\n---\n");
    let (mut text, mut rest) = (String::new(), all.as_str());
    while let Some((before, after)) = rest.split_once(name) {
        text.push_str(before);
        // A number may stand in a longer one.
        let joins = |next: Option<char>| next.is_some_and(char::is_alphanumeric);
        let is_part = joins(before.chars().last()) || joins(after.chars().next());
        text.push_str(if is_part { name } else { "NAME" });
        rest = after;
    }
    text + rest
}

#[test]
fn every_route_answers_alike_for_what_lies_beyond_and_for_what_is_not_there() {
    let world = World::with_theirs();
    let mut asked: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut refusals: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for person in Person::ALL {
        let mut line = world.line(person);
        for (route, root) in rows() {
            for ask in asks(route) {
                let Some(kind) = ask.of else { continue };
                let names = world.names(kind);
                assert!(!names.is_empty(), "{kind:?}");
                for (foreign, absent) in names {
                    *asked.entry(kind).or_default() += 1;
                    let told = format!("{person:?} {} {} {foreign}", route.name, ask.path);
                    let there = text(&send(&mut line, route, root, &ask, &foreign), &foreign);
                    world.expect_silent(&there, &told);
                    if ask.makes && there.starts_with("403") && person == Person::Operator {
                        // What is made under the name of nobody is made; of a name that is taken only
                        // that is told, whoever has it.
                        assert!(there.contains("may give no right to NAME"), "{told}: {there}");
                        let lines =
                            there.lines().filter(|line| !line.starts_with("content-length"));
                        let said = lines.collect::<Vec<_>>().join("\n");
                        refusals.entry(route.name.to_owned()).or_default().insert(said);
                        continue;
                    }
                    let nowhere = text(&send(&mut line, route, root, &ask, &absent), &absent);
                    assert_eq!(there, nowhere, "{told}");
                    let is_error = there.starts_with('4');
                    assert!(is_error || ask.succeeds, "{told}: {there}");
                }
            }
        }
    }
    assert_eq!(refusals.len(), 3, "{refusals:?}");
    assert!(refusals.values().all(|said| said.len() == 1), "{refusals:?}");
    for kind in Kind::ALL {
        assert!(asked.get(&kind).is_some_and(|count| *count > 3), "{kind:?}: {asked:?}");
    }
}

/// Lists and counts are what they were before there was anything else.
#[test]
fn lists_and_counts_tell_nothing_of_what_lies_beyond() {
    let mut world = World::mine();
    let before = lists(&world);
    world.add_theirs();
    let after = lists(&world);
    assert_eq!(before.len(), after.len());
    for ((place, before), (_, after)) in before.iter().zip(&after) {
        world.expect_silent(after, place);
        // The log is signed from time to time, whatever happens.
        assert!(
            before == after || place.contains("list_checkpoints"),
            "{place}: {before}\n{after}"
        );
    }
    // And an admin is told of all of it.
    let mut line = world.line(Person::Admin);
    for (path, kinds) in [
        ("status", &[Kind::Suite][..]),
        ("suites", &[Kind::Suite, Kind::Alias]),
        ("hosts", &[Kind::Host, Kind::Suite]),
        ("identities", &[Kind::Identity]),
        ("tokens", &[Kind::Token]),
        ("keys", &[Kind::Fingerprint, Kind::Suite, Kind::Host]),
        ("pins", &[Kind::Pin]),
        ("packages?pattern=*", &[Kind::Package, Kind::Digest]),
        ("access", &[Kind::Group]),
    ] {
        let told = line.get(&format!("api/v1/{path}")).text();
        for kind in kinds {
            let names = world.names(*kind);
            assert!(names.iter().any(|(name, _)| told.contains(name)), "{path} {kind:?}: {told}");
        }
    }
    let status = line.get("api/v1/status").text();
    assert!(!status.contains("\"certificates_expiring_soon\":0"), "{status}");
}

/// Every list that somebody is given, without what changes by itself.
fn lists(world: &World) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for person in [Person::Operator, Person::OfSome, Person::Uploader, Person::Host] {
        let mut line = world.line(person);
        for (route, root) in rows() {
            for ask in asks(route).iter().filter(|ask| ask.of.is_none() && route.reads()) {
                let answer = send(&mut line, route, root, ask, "").remove(0);
                let place = format!("{person:?} {} {}", route.name, ask.path);
                let body = match serde_json::from_slice(&answer.body) {
                    Ok(mut body) => {
                        mask(&mut body);
                        body.to_string()
                    }
                    Err(_) => String::from_utf8_lossy(&answer.body).into_owned(),
                };
                found.push((place, format!("{} {body}", answer.status)));
            }
        }
    }
    assert!(found.len() > 60, "{}", found.len());
    found
}

/// Takes out what is the server's own, or changes with time: its clock and room, the dates of signatures
/// and lists, and the numbers of the log.
fn mask(value: &mut Value) {
    const PASSING: [&str; 13] = [
        "now",
        "room_bytes",
        "date",
        "valid_until",
        "crl_next_update",
        "next_update",
        "this_update",
        "closes",
        "at",
        "seen_at",
        "generation",
        "entries",
        "number",
    ];
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !PASSING.contains(&name.as_str()));
            fields.values_mut().for_each(mask);
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

/// A row that is added to the table has to say how it is asked.
#[test]
fn a_route_that_nobody_knows_how_to_ask_is_noticed() {
    let route = Route::get("/new/{thing}", "new_thing", |method| {
        axum::routing::on(method, || async { "x" })
    });
    let told = std::panic::catch_unwind(|| asks(&route)).err().unwrap();
    let told = told.downcast_ref::<String>().unwrap();
    assert!(told.contains("new_thing") && told.contains("tests/it/beyond/asks.rs"), "{told}");
    // So does one with a name in its path that is not asked for.
    for (route, _) in rows() {
        let asks = asks(route);
        let named = route.path.contains('{');
        assert!(!asks.is_empty(), "{}", route.name);
        assert!(!named || asks.iter().any(|ask| ask.of.is_some()), "{}", route.name);
    }
}
