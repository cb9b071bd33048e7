//! What hosts could install before a change, and cannot with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::*;
use crate::debian::{Architecture, Dependencies, PackageKind, PackageName, Version};
use crate::digest::Digest;
use crate::domain::Package;

mod random;

/// A package, with what its stanza says of others.
type Told = (Arc<Package>, Dependencies);

fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

fn architecture(text: &str) -> Architecture {
    Architecture::parse(text).unwrap()
}

/// `NAME VERSION ARCHITECTURE`, and fields.
fn told(text: &str, fields: &str) -> Told {
    let words: Vec<_> = text.split(' ').collect();
    let version: Version = words[1].parse().unwrap();
    let digest = Digest::of(format!("{text}\n{fields}").as_bytes());
    let package = Package {
        digest,
        name: name(words[0]),
        version: version.clone(),
        architecture: architecture(words[2]),
        source: name(words[0]),
        source_version: version,
        size_bytes: 1,
        stanza_bytes: 1,
        stanza_digest: digest,
        kind: PackageKind::Deb,
        text: None,
    };
    (Arc::new(package), Dependencies::of_stanza(fields))
}

/// A change of a suite, with all that can be known of it.
struct Case {
    architectures: Vec<Architecture>,
    before: Named,
    after: Named,
    dependencies: HashMap<Digest, Arc<Dependencies>>,
    avoiders: Avoiders,
    providers: BTreeMap<PackageName, Vec<PackageName>>,
    own: BTreeSet<PackageName>,
    moved: Moved,
}

impl Case {
    /// Every name that begins with `acme` is the suite's.
    fn new(architectures: &[&str], before: &[Told], after: &[Told]) -> Self {
        let (mut dependencies, mut providers) = (HashMap::new(), BTreeMap::new());
        let (mut own, mut moved) = (BTreeSet::new(), BTreeSet::new());
        for (told, others) in [(before, after), (after, before)] {
            for (package, read) in told {
                dependencies.insert(package.digest, Arc::new(read.clone()));
                let recommended = read.recommends.iter().flatten().map(|one| &one.package);
                let named = read.needed_names().into_iter().chain(read.provided_names());
                let named = named.chain(read.avoided_names()).chain(recommended);
                own.extend(named.filter(|name| name.as_str().starts_with("acme")).cloned());
                own.insert(package.name.clone());
                for provided in read.provided_names() {
                    let by: &mut Vec<_> = providers.entry(provided.clone()).or_default();
                    by.push(package.name.clone());
                }
                if !others.iter().any(|(other, _)| other.digest == package.digest) {
                    moved.insert(package.name.clone());
                }
            }
        }
        let named = |told: &[Told]| {
            let mut named = Named::new();
            for (package, _) in told {
                named.entry(package.name.clone()).or_default().push(Arc::clone(package));
            }
            named
        };
        let architectures = architectures.iter().map(|text| architecture(text)).collect();
        let (before, after) = (named(before), named(after));
        let names: Vec<_> = moved.into_iter().collect();
        let mut moved = Moved::default();
        moved.add(&names, [&before, &after], &dependencies);
        let avoiders = avoiders([&before, &after], &dependencies);
        Self { architectures, before, after, dependencies, avoiders, providers, own, moved }
    }

    fn lacks_of<'n>(&self, names: impl Iterator<Item = &'n PackageName>) -> Vec<Lack> {
        let question = Question {
            architectures: &self.architectures,
            before: &self.before,
            after: &self.after,
            dependencies: &self.dependencies,
            avoiders: &self.avoiders,
            providers: &self.providers,
            own: &self.own,
            touched: &self.moved.touched,
        };
        names.flat_map(|name| question.lacks(name)).collect()
    }

    fn names(&self) -> BTreeSet<PackageName> {
        self.before.keys().chain(self.after.keys()).cloned().collect()
    }

    /// Of each lack what it says, with a mark where it was no worse before.
    fn said(&self) -> Vec<String> {
        let mark = |lack: &Lack| if lack.worse { "" } else { " as before" };
        let lacks = self.lacks_of(self.names().iter());
        lacks.iter().map(|lack| format!("{lack}{}", mark(lack))).collect()
    }
}

fn amd64(before: &[Told], after: &[Told]) -> Vec<String> {
    Case::new(&["amd64"], before, after).said()
}

#[test]
fn what_needs_what_went_away_is_named() {
    let lib = |version: &str| told(&format!("acme-lib {version} amd64"), "");
    let app = told("acme-app 2 amd64", "Pre-Depends: acme-lib (>= 2)\nDepends: libc6 (>= 99)");
    let said = "acme-app 2 (amd64) needs acme-lib (>= 2) and finds";
    let before = [lib("2"), app.clone()];
    assert_eq!(amd64(&before, &[lib("1"), app.clone()]), [format!("{said} acme-lib 1")]);
    assert_eq!(amd64(&before, std::slice::from_ref(&app)), [format!("{said} no acme-lib")]);
    assert!(amd64(&before, &[lib("3"), app.clone()]).is_empty());
    // It was no better before; what comes in new is held against nothing.
    assert_eq!(
        amd64(&[lib("1"), app.clone()], &[lib("0"), app.clone()]),
        [format!("{said} acme-lib 0 as before")]
    );
    assert_eq!(amd64(&[lib("1")], &[lib("1"), app]), [format!("{said} acme-lib 1")]);
}

/// What apt takes of a name is the highest version, whatever else is listed.
#[test]
fn of_several_versions_the_highest_counts() {
    let lib = |version: &str| told(&format!("acme-lib {version} amd64"), "");
    let app = |version: &str, needs: &str| {
        told(&format!("acme-app {version} amd64"), &format!("Depends: acme-lib ({needs})"))
    };
    let before = [lib("1"), lib("2"), app("1", "= 1"), app("2", "= 2")];
    // An older one needs what is listed, and is nobody's candidate.
    assert!(amd64(&before, &before).is_empty());
    let said = "acme-app 2 (amd64) needs acme-lib (= 2) and finds acme-lib";
    for order in [[1, 2, 3], [3, 1, 2], [2, 3, 1]] {
        let now = order.map(|version| lib(&version.to_string()));
        let after = [&now[..], &before[2..]].concat();
        assert_eq!(amd64(&before, &after), [format!("{said} 3")]);
    }
    let after = [&before[..1], &before[2..]].concat();
    assert_eq!(amd64(&before, &after), [format!("{said} 1")]);
    assert!(amd64(&before, &[lib("1"), lib("2"), app("2", "= 2")]).is_empty());
}

#[test]
fn one_alternative_is_enough_and_one_of_others_counts_as_there() {
    let without = |depends: &str| {
        let app = told("acme-app 1 amd64", &format!("Depends: {depends}"));
        let lib = told("acme-lib 2 amd64", "");
        amd64(&[lib, app.clone()], &[told("acme-lib 1 amd64", ""), app])
    };
    for met in ["acme-lib (>= 2) | other", "acme-lib (>= 2) | acme-lib (<< 2)", "acme-lib", "other"]
    {
        assert!(without(met).is_empty(), "{met}");
    }
    let said = without("acme-lib (>= 2) | acme-none");
    let wanted = "acme-app 1 (amd64) needs acme-lib (>= 2) | acme-none \
                  and finds acme-lib 1, no acme-none";
    assert_eq!(said, [wanted]);
}

#[test]
fn what_is_provided_counts_with_its_version() {
    let with = |depends: &str, provides: &str| {
        let app = told("acme-app 1 amd64", &format!("Depends: {depends}"));
        let now = told("acme-lib 2 amd64", &format!("Provides: {provides}"));
        let then = told("acme-lib 1 amd64", "Provides: acme-api (= 5)");
        amd64(&[then, app.clone()], &[now, app]).is_empty()
    };
    assert!(with("acme-api", "acme-api") && with("acme-api (>= 5)", "acme-api (= 5)"));
    assert!(!with("acme-api (>= 5)", "acme-api") && !with("acme-api (>= 5)", "acme-api (= 4)"));
    assert!(!with("acme-api", "acme-other"));
}

#[test]
fn each_architecture_is_looked_at() {
    let both = ["amd64", "i386"];
    let lib = |version: &str, architecture: &str, multi_arch: &str| {
        let fields = format!("Multi-Arch: {multi_arch}");
        told(&format!("acme-lib {version} {architecture}"), &fields)
    };
    let app = |architecture: &str| {
        told(&format!("acme-app 2 {architecture}"), "Depends: acme-lib (>= 2)")
    };
    let (here, foreign) = (app("amd64"), app("i386"));
    let case = |before: &[Told], after: &[Told]| Case::new(&both, before, after).said();
    // Only one of the two goes back: only its dependant is stuck.
    let before = [lib("2", "amd64", "no"), lib("2", "i386", "no"), here.clone(), foreign.clone()];
    let after = [lib("2", "amd64", "no"), lib("1", "i386", "no"), here.clone(), foreign.clone()];
    let stuck = "acme-app 2 (i386) needs acme-lib (>= 2) and finds acme-lib 1";
    assert_eq!(case(&before, &after), [stuck]);
    // One build serves both architectures: both dependants are.
    let before = [lib("2", "amd64", "foreign"), here.clone(), foreign.clone()];
    let after = [lib("1", "amd64", "foreign"), here.clone(), foreign];
    assert_eq!(case(&before, &after).len(), 2);
    // Builds that are installed side by side have one version.
    let before = [lib("1", "amd64", "same"), lib("1", "i386", "same")];
    let after = [lib("2", "amd64", "same"), lib("1", "i386", "same")];
    let behind = "acme-lib 2 (amd64) needs acme-lib:i386 (= 2) and finds acme-lib:i386 1";
    assert_eq!(case(&before, &after), [behind]);
    assert!(case(&before, &[lib("2", "amd64", "same"), lib("2", "i386", "same")]).is_empty());
    // Of `all` and the architecture's own the higher counts.
    let before = [lib("2", "all", "no"), lib("1", "amd64", "no"), here.clone()];
    assert_eq!(case(&before, &[lib("1", "amd64", "no"), here]).len(), 1);
}

#[test]
fn who_needs_what_a_displaced_package_provides_is_looked_at() {
    // Nothing that provides acme-v moves: a build for all architectures comes in above it.
    let needs = told("acme-a 1 amd64", "Depends: acme-v:i386");
    let provides = told("acme-d 1 i386", "Provides: acme-v");
    let above = told("acme-d 2 all", "");
    let before = [needs.clone(), provides.clone()];
    let case = Case::new(&["amd64", "i386"], &before, &[needs, provides, above]);
    assert_eq!(case.said(), ["acme-a 1 (amd64) needs acme-v:i386 and finds no acme-v:i386"]);
}

#[test]
fn what_is_broken_or_in_conflict_keeps_hosts_that_have_both() {
    let lib = |version: &str, fields: &str| told(&format!("acme-lib {version} amd64"), fields);
    let app = |fields: &str| told("acme-app 2 amd64", fields);
    let said = "acme-app 2 (amd64) cannot be beside acme-lib (<< 2) and finds acme-lib 1";
    for field in ["Breaks", "Conflicts"] {
        let app = app(&format!("{field}: acme-lib (<< 2)"));
        assert_eq!(amd64(&[lib("2", ""), app.clone()], &[lib("1", ""), app.clone()]), [said]);
        // Nobody has had both.
        assert!(amd64(&[lib("1", ""), app.clone()], &[lib("0", ""), app.clone()]).is_empty());
        assert!(amd64(std::slice::from_ref(&app), &[lib("1", ""), app.clone()]).is_empty());
    }
    // The older version says so itself, also of what another provides.
    let old = lib("1", "Conflicts: acme-web");
    let now = [lib("2", ""), app("Provides: acme-web")];
    let said = "acme-lib 1 (amd64) cannot be beside acme-web and finds acme-app 2";
    assert_eq!(amd64(&now, &[old.clone(), now[1].clone()]), [said]);
    // Hosts keep what is not listed any more.
    assert_eq!(amd64(&now, &[old]), [said]);
    let itself = lib("1", "Conflicts: acme-web\nProvides: acme-web\nReplaces: acme-web");
    assert!(amd64(&[lib("2", "")], &[itself]).is_empty());
}

#[test]
fn hosts_keep_what_is_not_listed_any_more_with_what_it_needs() {
    let lib = |version: &str| told(&format!("acme-lib {version} amd64"), "");
    let new = |depends: &str| told("acme-new 2 amd64", &format!("Depends: {depends}"));
    let said = "acme-new 2 (amd64) needs acme-lib (= 2) and finds acme-lib 1";
    assert_eq!(amd64(&[lib("2"), new("acme-lib (= 2)")], &[lib("1")]), [said]);
    assert!(amd64(&[lib("2"), new("acme-lib (>= 1)")], &[lib("1")]).is_empty());
    // Both are kept.
    let none: [Told; 0] = [];
    assert!(amd64(&[lib("2"), new("acme-lib (= 2)")], &none).is_empty());
    // A build of the same package for another architecture is kept at its version.
    let same = |version: &str, built: &str| {
        told(&format!("acme-lib {version} {built}"), "Multi-Arch: same")
    };
    let case = Case::new(
        &["amd64", "i386"],
        &[same("2", "amd64"), same("2", "i386")],
        &[same("1", "amd64")],
    );
    let said = "acme-lib 2 (i386) needs acme-lib:amd64 (= 2) and finds acme-lib:amd64 1 \
                on amd64 hosts that also take i386";
    assert_eq!(case.said(), [said]);
}

#[test]
fn what_is_newly_recommended_and_not_there_keeps_hosts() {
    let app = |version: &str, fields: &str| told(&format!("acme-app {version} amd64"), fields);
    let with = "Recommends: acme-doc | acme-book, other";
    let said =
        "acme-app 1 (amd64) recommends acme-doc | acme-book and finds no acme-book, no acme-doc";
    assert_eq!(amd64(&[app("2", "")], &[app("1", with)]), [said]);
    assert!(amd64(&[app("2", with)], &[app("1", with)]).is_empty(), "it is no worse");
    assert!(amd64(&[], &[app("1", with)]).is_empty(), "it can be installed");
    let doc = told("acme-doc 1 amd64", "");
    assert!(amd64(&[app("2", ""), doc.clone()], &[app("1", with), doc]).is_empty());
}

#[test]
fn what_comes_along_has_to_be_installable_and_to_get_on_with_what_hosts_have() {
    let app = |version: &str, fields: &str| told(&format!("acme-app {version} amd64"), fields);
    let lib = |fields: &str| told("acme-lib 5 amd64", fields);
    let other = told("acme-other 1 amd64", "");
    let (now, then) = (app("2", ""), app("1", "Depends: acme-lib"));
    let back = |lib: Told| {
        amd64(&[now.clone(), lib.clone(), other.clone()], &[then.clone(), lib, other.clone()])
    };
    assert!(back(lib("")).is_empty());
    assert!(back(lib("Depends: acme-other, acme-app (= 1)\nBreaks: acme-app (>= 2)")).is_empty());
    let said = "acme-app 1 (amd64) brings along acme-lib 5, which";
    let cases = [
        ("Depends: acme-none", "needs acme-none and finds no acme-none"),
        ("Depends: acme-app (>= 2)", "needs acme-app (>= 2) and finds acme-app 1"),
        ("Conflicts: acme-other", "cannot be beside acme-other and finds acme-other 1"),
        ("Breaks: acme-app (<< 2)", "cannot be beside acme-app (<< 2) and finds acme-app 1"),
        ("Recommends: acme-none", "recommends acme-none and finds no acme-none"),
    ];
    for (fields, problem) in cases {
        let found = back(lib(fields));
        let as_before = found.iter().filter(|lack| lack.starts_with("acme-lib")).count();
        assert_eq!(found.len(), 1 + as_before, "{found:?}");
        assert!(found.contains(&format!("{said} {problem}")), "{fields}: {found:?}");
    }
    // What needed it before has brought it before.
    let (now, broken) = (app("2", "Depends: acme-lib"), lib("Conflicts: acme-other"));
    let before = [now, broken.clone(), other.clone()];
    assert!(amd64(&before, &[then, broken, other]).is_empty());
}

#[test]
fn of_alternatives_hosts_may_have_the_one_that_does_not_do_any_more() {
    let one = |version: &str| told(&format!("acme-one {version} amd64"), "");
    let two = told("acme-two 1 amd64", "");
    let app = told("acme-app 1 amd64", "Depends: acme-one (>= 2) | acme-two");
    let said = "acme-app 1 (amd64) needs acme-one (>= 2) | acme-two and finds acme-one 1";
    let both =
        |app: Told| amd64(&[one("2"), two.clone(), app.clone()], &[one("1"), two.clone(), app]);
    assert_eq!(both(app), [said]);
    let with = "Depends: acme-one (>= 2) | acme-two, acme-two";
    assert!(both(told("acme-app 1 amd64", with)).is_empty(), "every host has acme-two");
}

#[test]
fn builds_side_by_side_cannot_both_need_what_is_not() {
    let of = |text: &str, fields: &str| {
        ["amd64", "i386"].map(|built| told(&format!("{text} {built}"), fields))
    };
    let then = of("acme-lib 2", "Multi-Arch: same");
    let now = of("acme-lib 1", "Multi-Arch: same\nDepends: acme-tool");
    let case = |tool: &str| {
        let tool = of("acme-tool 1", tool);
        let with = |lib: &[Told; 2]| [lib.clone(), tool.clone()].concat();
        Case::new(&["amd64", "i386"], &with(&then), &with(&now)).said()
    };
    let said = "acme-lib 1 (amd64) brings along acme-tool 1, which cannot be beside acme-tool:i386 \
                and finds acme-tool:i386 1";
    assert_eq!(case("").first().map(String::as_str), Some(said));
    assert!(case("Multi-Arch: same").is_empty() && case("Multi-Arch: foreign").is_empty());
}
