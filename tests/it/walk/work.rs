//! What the stores are asked for somebody who looks for another's: as much as if nothing were there, so that
//! the time that an answer takes tells no more than the answer.

use repod::digest::Digest;
use repod::domain::{Admitted, Grant, Identity, Right, Role, SuiteScope, access};
use repod::flow::FlowError;
use repod::flow::access::certificates;
use repod::flow::upload::single;

use crate::crash::house::{Ground, House};
use crate::harness::server::package;

const HOST: &str = "web-01.example.org";

/// Two suites with a package each, and a host that reads `stable`.
fn furnished(house: &House<'_>) -> [Digest; 2] {
    let packed = |suite: &str, name: &str| {
        house.create(suite).unwrap();
        let deb = package(name, "1.0").build();
        let change = house.send(std::slice::from_ref(&deb)).unwrap();
        house.change(suite, change).unwrap();
        Digest::of(&deb)
    };
    let digests = [packed("stable", "acme-web"), packed("secret", "acme-vault")];
    let by = house.ground.admitted();
    let given = certificates::grant(&house.repository, &by, grant());
    house.block_on(given).unwrap();
    digests
}

fn grant() -> Grant {
    let suites = SuiteScope::Named(["stable".parse().unwrap()].into());
    Grant::whole(Identity::parse(HOST).unwrap(), Role::Host, suites)
}

/// The digests of a suite's indices.
fn indices(house: &House<'_>, suite: &str) -> Vec<Digest> {
    let release = house.served(&format!("dists/{suite}/Release")).unwrap().body;
    let release = String::from_utf8(release).unwrap();
    let lines = release.lines().filter(|line| line.contains("/binary-amd64/Packages"));
    lines.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
}

#[test]
fn to_look_for_what_is_foreign_is_the_work_of_looking_for_what_is_absent() {
    let ground = Ground::new();
    let house = House::open(&ground, &ground.place("stores"), &ground.clock());
    let [own, foreign] = furnished(&house);
    let absent = Digest::of(b"nothing of the kind");
    let chain = ground.chain_of(HOST);
    let ask = |path: &str| {
        house.faults.arm(None);
        let answer = house.served_to(&chain, path).map(|_| ()).map_err(|error| error.to_string());
        (answer, house.faults.calls())
    };
    let in_pool = |name: &str, digest: &Digest| {
        let prefix = &digest.to_string()[..16];
        format!("pool/a/{name}/{prefix}/{name}_1.0_amd64.deb")
    };
    let by_hash = |suite: &str, digest: &Digest| {
        format!("dists/{suite}/main/binary-amd64/by-hash/SHA256/{digest}")
    };
    // That calls are counted at all.
    let (answer, calls) = ask(&in_pool("acme-web", &own));
    assert_eq!((answer, calls), (Ok(()), vec!["find_by_path", "open"]));

    let vault = |digest| in_pool("acme-vault", digest);
    let mut pairs = vec![(vault(&foreign), vault(&absent))];
    for index in indices(&house, "secret") {
        pairs.push((by_hash("secret", &index), by_hash("absent", &index)));
        if indices(&house, "stable").iter().all(|one| *one != index) {
            pairs.push((by_hash("stable", &index), by_hash("stable", &absent)));
        }
    }
    assert!(pairs.len() > 3, "{pairs:?}");
    for file in ["InRelease", "Release", "main/binary-amd64/Packages.gz"] {
        for before in ["", "snapshot/1/"] {
            let path = |suite: &str| format!("{before}dists/{suite}/{file}");
            pairs.push((path("secret"), path("absent")));
        }
    }
    for (foreign, absent) in pairs {
        let (told, work) = ask(&foreign);
        let told = told.expect_err(&foreign).replace("secret", "absent");
        let (none, least) = ask(&absent);
        assert_eq!((told, work), (none.expect_err(&absent), least), "{foreign} and {absent}");
    }
    house.check("secret");
}

#[test]
fn whether_bytes_are_missing_is_the_same_work_for_those_that_are_anothers() {
    let ground = Ground::new();
    let house = House::open(&ground, &ground.place("stores"), &ground.clock());
    let [own, foreign] = furnished(&house);
    let absent = Digest::of(b"nothing of the kind");
    let grant = Grant { role: Role::Uploader, ..grant() };
    let uploader: Admitted = access::admit(&grant.identity, Some(&grant), Right::Stage).unwrap();
    let missing = |digest: Digest| -> Result<_, FlowError> {
        house.faults.arm(None);
        let asked = single::missing(&house.repository, &uploader, vec![digest]);
        Ok((house.block_on(asked)?.len(), house.faults.calls()))
    };
    let (none, calls) = missing(own).unwrap();
    // What is one's own is opened, so that whoever has it is asked for it when it is damaged.
    assert_eq!((none, calls.len(), calls.last().copied()), (0, 4, Some("open")), "{calls:?}");
    assert_eq!(missing(foreign).unwrap(), missing(absent).unwrap());
    assert_eq!(missing(foreign).unwrap(), (1, calls[..3].to_vec()));
}
