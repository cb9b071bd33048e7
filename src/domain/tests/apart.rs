//! Apart: what hosts keep up with the server by moves with nothing else of its source.

use super::*;

fn both(version: &str) -> [Arc<Package>; 2] {
    ["repod", "repoctl"].map(|binary| built(binary, "repod", version, "amd64"))
}

fn published() -> Model {
    let mut model = Model::new();
    for version in ["1.0", "2.0"] {
        model.upload(&both(version)).unwrap();
    }
    assert_eq!(model.listed(), ["repoctl 2.0", "repod 2.0"]);
    model
}

#[test]
fn a_rollback_of_its_source_leaves_it_and_it_goes_up_behind_that_pin() {
    let mut model = published();
    model.roll_back(&source("repod")).unwrap();
    assert_eq!(model.listed(), ["repoctl 2.0", "repod 1.0"]);
    let standings = model.upload(&both("3.0")).unwrap();
    assert_eq!(standings, [Standing::Waiting, Standing::Published]);
    assert_eq!(model.listed(), ["repoctl 3.0", "repod 1.0"]);
    // A version that was never listed is one as well.
    let mut model = published();
    model.pin(&source("repod"), "1.0").unwrap();
    assert_eq!(model.listed(), ["repoctl 2.0", "repod 1.0"]);
    model.unpin(&source("repod")).unwrap();
    assert_eq!(model.listed(), ["repoctl 2.0", "repod 1.0"], "2.0 was withdrawn");
    model.pin(&source("repod"), "2.0").unwrap();
    assert_eq!(model.listed(), ["repoctl 2.0", "repod 2.0"]);
}

#[test]
fn a_version_of_its_source_that_was_withdrawn_is_not_withdrawn_for_it() {
    let mut model = Model::new();
    for version in ["1.0", "2.0"] {
        model.upload(&both(version)[..1]).unwrap();
    }
    model.roll_back(&source("repod")).unwrap();
    assert_eq!(model.upload(&both("2.0")[1..]).unwrap(), [Standing::Published]);
    assert_eq!(model.listed(), ["repoctl 2.0", "repod 1.0"]);
}

#[test]
fn a_rollback_of_the_suite_moves_everything_else() {
    let mut model = published();
    let then = model.generations[1].clone();
    model
        .change(|draft, _| {
            pinning::roll_back_all(draft, &then, &asking());
            Ok(())
        })
        .unwrap();
    assert_eq!(model.listed(), ["repoctl 2.0", "repod 1.0"]);
}

#[test]
fn every_suite_takes_it_and_only_of_whom_it_may_come() {
    let mut model = Model::new();
    model.spec.owns = vec!["acme-*".into()];
    assert_eq!(model.upload(&both("1.0")[1..]).unwrap(), [Standing::Published]);
    assert!(model.upload(&both("1.0")[..1]).unwrap_err().to_string().contains("owns only acme-*"));
    let component = |text: &str| Component::parse(text).unwrap();
    let entitled = |role, packages: &[&str]| {
        let who = Identity::parse("ci").unwrap();
        let suites = SuiteScope::Named([model.spec.name.clone()].into());
        let mut grant = AccessGrant::of(&Grant::whole(who.clone(), role, suites));
        grant.packages = packages.iter().map(|text| text.parse().unwrap()).collect();
        grant.components = [component("main")].into();
        let held = Held { grant: Arc::new(grant), origin: Origin::Own };
        Entitled::new(who, vec![held]).unwrap()
    };
    let into = |to: &str, role, packages: &[&str]| {
        let entitled = entitled(role, packages);
        entitled.brings_reserved(&model.spec.name, &component(to), &name("repoctl"))
    };
    let brings = |role, packages: &[&str]| into("main", role, packages);
    assert!(brings(Role::Operator, &[]));
    assert!(brings(Role::Uploader, &["acme-*", "repoctl"]));
    assert!(!brings(Role::Uploader, &[]) && !brings(Role::Uploader, &["acme-*"]));
    assert!(!brings(Role::Operator, &["acme-*"]) && !brings(Role::Host, &[]));
    // A pattern for several names does not name it, and a grant for one component is for no other.
    assert!(!brings(Role::Uploader, &["*ctl"]) && !brings(Role::Uploader, &["repo*"]));
    assert!(!into("other", Role::Uploader, &["repoctl"]) && !into("other", Role::Operator, &[]));
}
