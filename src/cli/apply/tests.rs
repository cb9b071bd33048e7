//! The file compared with the present state.

use serde_json::json;

use super::manifest::{Manifest, write};
use super::plan::Plan;
use super::stays::Unnamed;
use crate::api::{AccessView, SuiteView};

fn read<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> T {
    serde_json::from_value(json).unwrap()
}

fn suites() -> Vec<SuiteView> {
    let suite = |name: &str| {
        json!({ "name": name, "origin": "Acme", "label": "Acme \"quoted\"", "description": "",
            "components": ["main", "extra"], "architectures": ["amd64"], "owns": ["acme-*"],
            "valid_days": 14, "snapshots": "https://h/@SNAPSHOTID@", "contents": true,
            "pdiffs": true, "generation": 1, "date": 1, "valid_until": 2, "packages": 0,
            "waiting": 0, "pins": 0, "size_bytes": 0 })
    };
    read(json!([suite("stable"), suite("edge.1")]))
}

fn access() -> AccessView {
    read(json!({
        "groups": [{ "name": "web", "members": ["db.example", "web-*.example"] }, { "name": "old.1", "members": [] }],
        "grants": [
            { "grant": { "to": "@web", "role": "host", "suites": ["stable"] }, "own": false, "by": "ann", "at": 5 },
            { "grant": { "to": "ci.example", "role": "uploader", "suites": ["stable"],
                "components": ["main"], "packages": ["acme-web*"] }, "own": false, "by": "ann", "at": 5 },
            { "grant": { "to": "ann.example", "role": "admin", "suites": ["*"] }, "own": true },
        ],
        "shut_out": []
    }))
}

fn refusal(text: &str) -> String {
    Manifest::parse(text).unwrap_err().told("f")
}

fn plan(text: &str, prune: bool) -> Plan {
    Plan::new(&Manifest::parse(text).unwrap(), &suites(), &access(), (prune, "ann.example"))
}

#[test]
fn what_is_written_says_what_is_there() {
    let text = write(&suites(), &access());
    let manifest = Manifest::parse(&text).unwrap();
    for prune in [false, true] {
        let plan = Plan::new(&manifest, &suites(), &access(), (prune, "bob.example"));
        assert!(plan.is_empty() && plan.unnamed == Unnamed::default(), "{plan:?}");
        assert!(plan.warnings.is_empty(), "{plan:?}");
        let [own] = &plan.stays[..] else { panic!("{plan:?}") };
        assert_eq!(own.names, ["admin of * to ann.example"]);
        assert!(own.why.contains("`repoctl identity revoke`"), "{own:?}");
    }
    assert!(!text.contains("ann.example"), "{text}");
}

#[test]
fn the_difference_is_shown_and_what_is_not_in_the_file_stays() {
    let text = r#"
        [suite.stable]
        components = ["main", "contrib"]
        owns = ["acme-*", "widget"]
        [suite.testing]
        [group.web]
        members = ["web-*.example", "web-*.example.org"]
        [group.ci]
        members = []
        [[grant]]
        to = "@ci"
        role = "operator"
        suites = ["testing", "stable"]
    "#;
    let kept = plan(text, false);
    assert_eq!(
        kept.lines(),
        [
            "+ suite testing: main for amd64",
            "~ suite stable: owns [\"acme-*\"] -> [\"acme-*\", \"widget\"]",
            "~ suite stable: component contrib is added",
            "+ group ci",
            "+ group web: web-*.example.org",
            "+ grant operator of stable testing to @ci",
        ]
    );
    assert_eq!(
        kept.unnamed.lines(),
        [
            "suite stable: component extra",
            "suite edge.1",
            "group web: db.example",
            "group old.1",
            "grant host of stable to @web",
            "grant uploader of stable to ci.example, for acme-web* in main",
        ]
    );
    let pruned = plan(text, true);
    assert_eq!(pruned.unnamed.lines(), ["suite stable: component extra"]);
    assert_eq!(
        pruned.lines()[3..],
        [
            "- grant host of stable to @web",
            "- grant uploader of stable to ci.example, for acme-web* in main",
            "- group web: db.example",
            "- group old.1",
            "+ group ci",
            "+ group web: web-*.example.org",
            "+ grant operator of stable testing to @ci",
            "- suite edge.1",
        ]
    );
}

#[test]
fn how_many_versions_are_listed_is_said_as_a_number_or_all() {
    let lines = |text: &str| plan(text, false).lines();
    assert_eq!(lines("[suite.stable]\nversions = 3\n"), ["~ suite stable: versions 1 -> 3"]);
    assert_eq!(
        lines("[suite.stable]\nversions = \"all\"\n"),
        ["~ suite stable: versions 1 -> all"]
    );
    assert!(lines("[suite.stable]\nversions = 1\n").is_empty());
    let made = plan("[suite.testing]\nversions = \"all\"\n", false);
    assert_eq!(made.create[0].versions.to_string(), "all");
    assert!(write(&suites(), &access()).contains("\nversions = 1\n"));
    for wrong in ["0", "\"3\"", "-1", "\"none\""] {
        let said = refusal(&format!("[suite.stable]\nversions = {wrong}\n"));
        assert!(said.contains("from 1 to 65535"), "{said}");
    }
}

#[test]
fn a_namespace_is_named_at_the_start_and_never_edited() {
    let made = plan("[suite.trixie]\nnamespace = \"trixie\"\n[suite.other]\n", false);
    let names: Vec<_> = made.create.iter().map(|one| one.namespace.as_str()).collect();
    assert_eq!(names, ["default", "trixie"]);
    assert!(plan("[suite.stable]\nnamespace = \"default\"\n", false).is_empty());
    let other = plan("[suite.stable]\nnamespace = \"trixie\"\n", false);
    let [(field, said)] = &other.impossible[..] else { panic!("{other:?}") };
    assert_eq!(field, "suite.stable.namespace");
    assert!(said.starts_with("suite stable: namespace cannot be changed"), "{said}");
    assert!(write(&suites(), &access()).contains("\nnamespace = \"default\"\n"));
    let said = refusal("[suite.stable]\nnamespace = \"No Name\"\n");
    assert!(
        said.starts_with("f:2:13: suite.stable.namespace: ") && said.contains("1 to 64 of a-z"),
        "{said}"
    );
}

#[test]
fn kinds_that_the_file_does_not_speak_of_are_left_alone() {
    let nothing = plan("", true);
    assert!(nothing.is_empty() && nothing.unnamed == Unnamed::default(), "{nothing:?}");
    let only = plan("[group.web]\nmembers = [\"db.example\", \"web-*.example\"]\n", true);
    assert_eq!(only.lines(), ["- group old.1"]);
    let none = plan("grant = []\n", true);
    assert_eq!(none.lines().len(), 2);
    assert!(none.lines().iter().all(|line| line.starts_with("- grant ")));
}

#[test]
fn what_no_edit_can_do_is_said() {
    let plan = plan("[suite.stable]\norigin = \"Other\"\nnot_automatic = true\n", false);
    assert_eq!(plan.impossible.len(), 2, "{plan:?}");
    assert!(plan.impossible[0].1.starts_with("suite stable: origin cannot be changed"));
}

#[test]
fn unknown_keys_are_refused_with_the_nearest() {
    for (text, near) in [
        ("[[grants]]\nto = \"a\"\n", "grant"),
        ("[suite.stable]\ncomponent = [\"main\"]\n", "components"),
        ("[group.web]\nmember = []\n", "members"),
        ("[[grant]]\nto = \"a\"\nrole = \"host\"\nsuite = [\"s\"]\n", "suites"),
    ] {
        let said = refusal(text);
        assert!(said.contains(&format!("did you mean `{near}`?")), "{said}");
    }
    let said = refusal("[[grant]]\nto = \"a\"\nrole = \"hosts\"\nsuites = []\n");
    assert!(said.starts_with("f:3:8: grant[0].role: ") && said.contains("hosts"), "{said}");
    // Names and values that are refused by rules of ours.
    let said = refusal("[suite.stable]\n[suite.\"Not/a/suite\"]\n");
    assert!(
        said.starts_with("f:2:8: suite.\"Not/a/suite\": ") && said.contains("not valid"),
        "{said}"
    );
    let said = refusal("[suite.stable]\ncomponents = [\"main\", \"a b\"]\n");
    assert!(said.starts_with("f:2:23: suite.stable.components[1]: "), "{said}");
    assert!(
        said.ends_with(
            "\n  2 | components = [\"main\", \"a b\"]\n    |                       ^^^^^"
        ),
        "{said}"
    );
}

#[test]
fn an_alias_is_taken_from_the_suite_that_has_it_and_the_lines_say_who_stops() {
    let mut there = suites();
    there[0].alias = "prod".parse().ok();
    let draw = |text: &str| {
        Plan::new(&Manifest::parse(text).unwrap(), &there, &access(), (false, "ann.example"))
    };
    let edits = |plan: &Plan| -> Vec<_> {
        let told = plan.edit.iter();
        told.map(|(name, edit, _)| {
            let from = edit.alias_from.as_ref().map(ToString::to_string);
            (name.to_string(), edit.alias.clone().unwrap(), from)
        })
        .collect()
    };
    let of = |name: &str, alias: &str, from: Option<&str>| {
        (name.to_owned(), alias.to_owned(), from.map(str::to_owned))
    };
    // What is there, or left out, is no difference.
    for text in
        ["[suite.stable]\nalias = \"prod\"", "[suite.stable]", "[suite.\"edge.1\"]\nalias = \"\""]
    {
        assert!(draw(text).is_empty(), "{text}");
    }
    let none = draw("[suite.stable]\nalias = \"\"");
    assert_eq!(edits(&none), [of("stable", "", None)]);
    let lines = none.lines().join("\n");
    assert!(lines.starts_with("~ suite stable: alias \"prod\" -> \"\"\n"), "{lines}");
    assert!(
        lines.contains("every host whose source names prod stops: it is refused with 403"),
        "{lines}"
    );
    // One takes it and the other gets another one, in one file.
    let both = draw("[suite.stable]\nalias = \"old\"\n[suite.\"edge.1\"]\nalias = \"prod\"");
    assert_eq!(edits(&both), [of("edge.1", "prod", Some("stable")), of("stable", "old", None)]);
    let lines = both.lines().join("\n");
    assert!(lines.contains("changed its 'Codename' value from 'stable' to 'edge.1'"), "{lines}");
    // A new suite has a free one at once, and takes another's afterwards.
    let new = draw("[suite.trixie]\nalias = \"next\"\n[suite.forky]\nalias = \"prod\"");
    let made: Vec<_> =
        new.create.iter().map(|one| (one.name.as_str(), one.alias.clone())).collect();
    assert_eq!(made, [("forky", None), ("trixie", "next".parse().ok())]);
    assert_eq!(edits(&new), [of("forky", "prod", Some("stable"))]);
    assert!(new.lines().contains(&"+ suite trixie: main for amd64, alias next".to_owned()));
}

#[test]
fn what_stays_is_told_with_its_reason() {
    let mut there = suites();
    there[1].packages = 3;
    let told = |text: &str, prune| {
        let file = Manifest::parse(text).unwrap();
        let plan = Plan::new(&file, &there, &access(), (prune, "ann.example"));
        let stays =
            plan.stays.iter().map(|stays| (stays.kind, stays.names.join("; "), stays.why.clone()));
        (plan.lines(), stays.collect::<Vec<_>>())
    };
    let of = |kind, names: &str, why: &str| (kind, names.to_owned(), why.to_owned());
    let own = of("grant", "admin of * to ann.example", "your own, with your certificate");
    let file = "grant = []\n[suite.stable]\n[group.web]\nmembers = [\"db.example\"]\n";
    let (lines, stays) = told(file, true);
    assert!(!lines.iter().any(|line| line.contains("suite")), "{lines:?}");
    let full =
        of("suite", "edge.1", "not in the file, and holds packages: `repoctl remove` them first");
    assert_eq!(stays, [full, own.clone()]);
    let (lines, stays) = told(file, false);
    assert!(lines.is_empty(), "{lines:?}");
    let kept = "not in the file; --prune removes what is not";
    assert_eq!(
        stays,
        [
            of("suite", "edge.1", kept),
            of("group", "old.1", kept),
            of("group member", "web: web-*.example", kept),
            of(
                "grant",
                "host of stable to @web; uploader of stable to ci.example, for acme-web* in main",
                kept
            ),
            own.clone(),
        ]
    );
    let silent = |kind: &str| format!("the file does not speak of {kind}");
    let (lines, stays) = told("", true);
    assert!(lines.is_empty(), "{lines:?}");
    assert_eq!(stays[0], of("suite", "stable; edge.1", &silent("suites")));
    assert_eq!(stays[1], of("group", "web; old.1", &silent("groups")));
    assert_eq!((stays.len(), &stays[2].2, &stays[3]), (4, &silent("grants"), &own));
}

#[test]
fn a_line_names_a_few_and_counts_the_others() {
    let names = (1..=11).map(|number| format!("s{number}")).collect();
    let stays = super::stays::Stays { kind: "suite", names, why: "so it is".into() };
    assert_eq!(
        stays.line(),
        "stays: 11 suites: s1; s2; s3; s4; s5; s6; s7; s8 and 3 more (so it is)"
    );
    assert_eq!(stays.value()["count"], 11);
    assert_eq!(stays.value()["names"][10], "s11");
}

#[test]
fn a_grant_for_a_suite_that_will_not_be_there_is_told_with_its_line() {
    let grants = |suites: &str| {
        format!(
            "[suite.stable]\n[suite.testing]\nalias = \"next\"\n\n[[grant]]\nto = \"a.example\"\n\
             role = \"host\"\nsuites = [\"stable\"]\n\n[[grant]]\nto = \"b.example\"\n\
             role = \"host\"\nsuites = [{suites}]\n"
        )
    };
    let told = |suites: &str, prune| plan(&grants(suites), prune).warnings;
    // A suite that the file makes is there then; one that is pruned is not.
    assert!(told("\"testing\", \"edge.*\"", false).is_empty());
    assert_eq!(
        told("\"edge.*\"", true),
        ["line 10: grant host of edge.* to b.example: suites: no suite matches edge.* yet"]
    );
    assert_eq!(
        told("\"stabel\"", false),
        ["line 10: grant host of stabel to b.example: suites: there is no suite stabel; did you \
             mean stable?"]
    );
    let [alias] = &told("\"next\"", false)[..] else { panic!("one is told") };
    assert!(alias.ends_with("next is the alias of suite testing, and a grant reaches no suite by its alias; name testing"), "{alias}");
    let inline = "grant = [\n  { to = \"a.example\", role = \"host\", suites = [\"stable\"] },\n  \
                  { to = \"a.example\", role = \"host\", suites = [\"nowhere\"] },\n]\n";
    let [line] = &plan(inline, false).warnings[..] else { panic!("one is told") };
    assert!(
        line.starts_with("line 3: ") && line.contains("the grant counts once there is one"),
        "{line}"
    );
    // Limits are held against what the suites have then.
    let limited = |owns: &str, limits: &str| {
        let grant = format!(
            "[[grant]]\nto = \"a.example\"\nrole = \"uploader\"\nsuites = [\"stable\"]\n{limits}"
        );
        plan(
            &format!("[suite.stable]\ncomponents = [\"main\", \"extra\", \"new\"]\n{owns}{grant}"),
            false,
        )
        .warnings
    };
    let limits = "components = [\"new\"]\npackages = [\"widget*\"]\n";
    let [told] = &limited("", limits)[..] else { panic!("one is told") };
    assert!(
        told.ends_with("packages: widget* can match nothing there: stable owns only acme-*"),
        "{told}"
    );
    assert!(limited("owns = [\"widget-*\"]\n", limits).is_empty());
    let [told] = &limited("owns = []\n", "components = [\"nwe\"]\n")[..] else {
        panic!("one is told")
    };
    assert!(
        told.starts_with("line 4: ")
            && told.ends_with("nwe is no component of stable; did you mean new?"),
        "{told}"
    );
}
