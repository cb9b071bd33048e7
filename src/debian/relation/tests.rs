//! Which relations are read, how they are written, and which faults the others have.

use proptest::prelude::*;

use super::*;

fn rewritten(field: RelationField, value: &str) -> String {
    match Relations::parse(field, value) {
        Ok(relations) => relations.to_string(),
        Err(faults) => faults.iter().map(|fault| format!("refused {fault}\n")).collect(),
    }
}

#[test]
fn relations_are_written_in_one_way() {
    use RelationField::{Conflicts, Depends, Provides};
    let cases = [
        (Depends, "libc6 (>= 2.34)", "libc6 (>= 2.34)"),
        (Depends, "ab(>=2),cd:any", "ab (>= 2), cd:any"),
        (
            Depends,
            "ab ( << \t1:2~ )|cd:native\n , ef:amd64 (= 1-1)",
            "ab (<< 1:2~) | cd:native, ef:amd64 (= 1-1)",
        ),
        (Conflicts, "g++ (<= 4), 0ad (>> 1)", "g++ (<= 4), 0ad (>> 1)"),
        (Provides, "mail-agent,\n\tx-api (= 3), libx:i386", "mail-agent, x-api (= 3), libx:i386"),
    ];
    for (field, value, expected) in cases {
        assert_eq!(rewritten(field, value), expected);
    }
}

#[test]
fn what_dpkg_or_apt_would_stumble_over_is_refused() {
    use RelationField::{Breaks, Depends, Provides};
    let cases = [
        (Depends, "", "entry is empty"),
        (Depends, "ab,", "entry is empty"),
        (Depends, "ab,,cd", "entry is empty"),
        (Depends, "ab |", "entry is empty"),
        (Depends, "\n ab", "first line is empty"),
        (Depends, "ab cd", "is a ',' missing?"),
        (Depends, "ab (< 2)", "write '<<', '<='"),
        (Depends, "ab (> 2)", "write '<<', '<='"),
        (Depends, "ab (2)", "without an operator"),
        (Depends, "ab (=> 2)", "uses '=>', which dpkg does not know; write '>='"),
        (Depends, "ab (=<2)", "write '<='"),
        (Depends, "ab (== 2)", "write '='"),
        (Depends, "ab (!= 2)", "uses an operator that dpkg does not know"),
        (Depends, "ab (>= )", "version \"\" is not valid"),
        (Depends, "ab (>= r2)", "begins with a digit"),
        (Depends, "ab (>= 2", "lacks its ')'"),
        (Depends, "ab (>= 2) (<< 3)", "is a ',' missing?"),
        (Depends, "ab [amd64]", "list of architectures"),
        (Depends, "ab (>= 2) [!i386]", "list of architectures"),
        (Depends, "ab <!nocheck>", "list of build profiles"),
        (Depends, "a", "package name"),
        (Depends, "${misc:Depends}", "package name"),
        (Depends, "Ab", "package name"),
        (Depends, "ab:", "architecture"),
        (Depends, "ab:any-amd64", "architecture"),
        (Breaks, "ab | cd", "offers alternatives"),
        (Provides, "ab (>= 1)", "only '=' is allowed"),
        (Provides, "ab:any", "name an architecture or none"),
    ];
    for (field, value, part) in cases {
        let said = rewritten(field, value);
        assert!(said.starts_with("refused ") && said.contains(part), "{value:?}: {said}");
    }
    assert_eq!(rewritten(Depends, "A,b c,ab").lines().count(), 2, "all faults are listed");
}

#[test]
fn the_number_of_relations_is_bounded() {
    let value = |n: usize| vec!["ab"; n].join(",");
    assert!(Relations::parse(RelationField::Depends, &value(MOST_RELATIONS)).is_ok());
    assert!(Relations::parse(RelationField::Depends, &value(MOST_RELATIONS + 1)).is_err());
}

fn relation() -> impl Strategy<Value = Relation> {
    let qualifier = prop_oneof![
        Just(None),
        Just(Some(Qualifier::Any)),
        Just(Some(Qualifier::Native)),
        Just(Some(Qualifier::Concrete(Architecture::parse("arm64").unwrap()))),
    ];
    let operator = prop::sample::select(Operator::ALL.to_vec());
    let version = prop::option::of((operator, "([1-9]:)?[0-9][0-9a-z.+~]{0,6}(-[0-9a-z]{1,3})?"));
    ("[a-z0-9][a-z0-9+.-]{1,9}", qualifier, version).prop_map(|(name, qualifier, version)| {
        Relation {
            package: PackageName::parse(&name).unwrap(),
            qualifier,
            version: version.map(|(operator, text)| (operator, Version::parse(&text).unwrap())),
        }
    })
}

proptest! {
    #[test]
    fn reading_what_was_written_gives_the_same_relations(
        entries in prop::collection::vec(prop::collection::vec(relation(), 1..4), 1..6)
    ) {
        let relations = Relations { entries };
        let read = Relations::parse(RelationField::Depends, &relations.to_string());
        prop_assert_eq!(read, Ok(relations));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-c0-2:(),|<>=\\[\\] \n!~é-]{0,40}") {
        for field in RelationField::ALL {
            if let Ok(relations) = Relations::parse(field, &text) {
                let again = Relations::parse(field, &relations.to_string());
                prop_assert_eq!(again, Ok(relations));
            }
        }
    }
}
