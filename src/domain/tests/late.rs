//! Late: what a builder sent after others, for a version that is not the newest any more.

use super::*;

#[test]
fn going_back_takes_along_what_a_builder_sent_late() {
    let late = |model: &mut Model| {
        for (version, architecture) in
            [("1.0", "amd64"), ("2.0", "amd64"), ("1.0", "arm64"), ("2.0", "arm64")]
        {
            model.upload(&[built("web", "web", version, architecture)]).unwrap();
        }
        assert_eq!(model.listed(), ["web 2.0", "web 2.0"]);
    };
    let mut model = Model::new();
    late(&mut model);
    model.roll_back(&source("web")).unwrap();
    assert_eq!(model.listed(), ["web 1.0", "web 1.0"]);
    let mut model = Model::new();
    late(&mut model);
    model.pin(&source("web"), "1.0").unwrap();
    assert_eq!(model.listed(), ["web 1.0", "web 1.0"]);
    // A sibling that was never live beside that version, and one that never was live in it.
    let mut model = Model::new();
    let of = |binary, version| built(binary, "web", version, "amd64");
    model.upload(&[of("web", "1.0")]).unwrap();
    model.upload(&[of("web", "2.0"), of("web-tools", "2.0")]).unwrap();
    model.upload(&[of("web-tools", "1.0")]).unwrap();
    model.pin(&source("web"), "1.0").unwrap();
    assert_eq!(model.listed(), ["web 1.0", "web-tools 1.0"]);
    // What was taken out by hand stays out.
    model.remove(&source("web")).unwrap();
    let mut model = Model::new();
    model.upload(&[of("web", "1.0"), of("web-old", "1.0")]).unwrap();
    model.remove(&PinTarget { kind: PinKind::Binary, name: name("web-old") }).unwrap();
    model.upload(&[of("web", "2.0")]).unwrap();
    model.roll_back(&source("web")).unwrap();
    assert_eq!(model.listed(), ["web 1.0"]);
}

#[test]
fn what_another_change_of_the_same_generation_outdoes_was_never_published() {
    let mut model = Model::new();
    let by = Identity::parse("ci").unwrap();
    let (hidden, privileges) = (HashSet::new(), HashMap::new());
    let taken = std::iter::empty().collect();
    let none = || Known { packages: &[], hidden: &hidden, taken: &taken, privileges: &privileges };
    let one = |version| Addition {
        component: main_component(),
        package: package("web", version),
        taken_as: None,
    };
    let answers = model.change(|draft, _| {
        let mut low = add(draft, &[one("1.0")], none(), &by, Moment(1))?;
        assert_eq!(low[0].standing, Standing::Published, "as far as its own change goes");
        let mut high = add(draft, &[one("2.0")], none(), &by, Moment(1))?;
        settle(draft, &mut low[0]);
        settle(draft, &mut high[0]);
        Ok([low.remove(0), high.remove(0)])
    });
    let [low, high] = answers.unwrap();
    assert_eq!(
        (low.standing, low.note.as_str()),
        (Standing::Waiting, "a higher version came with it")
    );
    assert_eq!(high.standing, Standing::Published);
    assert_eq!(model.listed(), ["web 2.0"]);
}
