//! One version is for all architectures, or for single ones.

use super::*;

#[test]
fn one_version_is_for_all_architectures_or_for_single_ones() {
    let [all, single] = ["all", "amd64"].map(|of| built("web", "web", "1.0", of));
    for pair in [[&all, &single], [&single, &all]] {
        let mut model = Model::new();
        let [first, second] = pair.map(std::slice::from_ref);
        model.upload(first).unwrap();
        let said = model.upload(second).unwrap_err();
        assert_eq!(said.kind, ConflictKind::Version);
        let problem = format!("this version is in this suite for {}", first[0].architecture);
        assert!(said.to_string().contains(&problem), "{said}");
        assert_eq!(model.upload(first).unwrap(), [Standing::Already]);
        // They are refused together as well, and while the first one waits.
        let both = pair.map(Arc::clone);
        assert!(Model::new().upload(&both).is_err());
        let mut model = Model::new();
        model.upload(&[package("web", "2.0")]).unwrap();
        model.upload(first).unwrap();
        assert!(model.upload(second).is_err());
    }
    // What an earlier build took stays, and sent again it does not replace the other.
    let mut model = Model::new();
    model.upload(std::slice::from_ref(&single)).unwrap();
    model.taken.push((main_component(), Arc::clone(&all)));
    assert_eq!(model.upload(std::slice::from_ref(&all)).unwrap(), [Standing::Waiting]);
    assert_eq!(model.listed(), ["web 1.0"]);
    // Another suite may take the other one.
    let mut model = Model::new();
    model.upload(&[single]).unwrap();
    let known: Vec<_> = model.taken.drain(..).map(|(_, package)| (*package).clone()).collect();
    let (nothing, by) = (HashSet::new(), Identity::parse("ci").unwrap());
    let other = SuiteSpec { name: "other".parse().unwrap(), ..model.spec.clone() };
    let (contents, addition) = (
        PackageSet::default(),
        Addition { component: main_component(), package: all, taken_as: None },
    );
    let mut draft = Draft::new(&other, &contents, &[], &[]);
    let known =
        Known { packages: &known, hidden: &nothing, taken: &nothing, privileges: &HashMap::new() };
    assert!(add(&mut draft, &[addition], known, &by, Moment(1)).is_ok());
}
