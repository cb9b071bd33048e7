//! Packages: the `.deb` files, alone and in bundles.

use super::*;

/// The path of a listed package, and its digest.
fn listed(house: &House, name: &str) -> (String, String) {
    let index = house.server.curl(HOST, "dists/stable/main/binary-amd64/Packages").run();
    let text = index.expect_success().stdout;
    let stanza = text.split("\n\n").find(|one| one.starts_with(&format!("Package: {name}\n")));
    let field = |field: &str| {
        let line = stanza.unwrap().lines().find_map(|line| line.strip_prefix(field));
        line.unwrap().trim().to_owned()
    };
    (field("Filename:"), field("SHA256:"))
}

/// What a host is given: the status, and the digest of what came.
fn given(house: &House, path: &str) -> (String, String) {
    let out = house.server.at("given");
    let curl = house.server.curl(HOST, path).args(["-o", &out, "-w", "%{http_code}"]).run();
    let digest = hex::encode(Sha256::digest(fs::read(&out).unwrap_or_default()));
    (curl.stdout, digest)
}

#[test]
fn a_rotten_package_is_not_given_out_and_whoever_sends_it_again_heals_it() {
    let mut house = House::new();
    for (at, rot) in ROTS.into_iter().enumerate() {
        for is_running in [true, false] {
            let (path, digest) = listed(&house, "acme-web");
            let stored = house.stored("blobs").into_iter().find(|one| one.ends_with(&digest));
            let stored = stored.unwrap();
            house.meanwhile(is_running, |_| rot.befall(&stored, 300 * at));
            let (status, came) = given(&house, &path);
            assert_eq!(status, "500", "{rot:?} {is_running}");
            assert_ne!(came, digest);
            assert!(
                house.server.log().contains("acme-web") || house.server.log().contains(&digest)
            );
            let warnings = house.warnings();
            assert!(
                warnings.contains("the .deb of acme-web 1.0 amd64 is damaged or lost"),
                "{warnings}"
            );
            assert!(warnings.contains("upload the same file again"), "{warnings}");
            // Others are not concerned.
            assert_eq!(given(&house, &listed(&house, "acme-api").0).0, "200");
            house.server.upload("acme-web", "1.0").expect_success();
            assert_eq!(given(&house, &path), ("200".into(), digest));
            assert!(!house.warnings().contains("acme-web 1.0"), "{}", house.warnings());
        }
    }
    assert_eq!(house.whole(), house.packages);
}

#[test]
fn a_rotten_bundle_is_healed_by_the_same_upload() {
    let mut house = House::new();
    let names: Vec<_> = (10..40).map(|number| format!("acme-many{number}")).collect();
    let debs: Vec<_> = names.iter().map(|name| house.server.deb(&package(name, "1.0"))).collect();
    let send = |house: &House| {
        let words = ["upload", "--suite", "stable"].into_iter();
        let words: Vec<_> = words.chain(debs.iter().map(String::as_str)).collect();
        house.server.repoctl(&words).expect_success();
    };
    send(&house);
    let (packages, mut rounds) = (house.whole(), 0);
    for (at, rot) in [
        (999, Rot::Flipped),
        (500, Rot::Flipped),
        (5, Rot::Flipped),
        (600, Rot::Cut),
        (0, Rot::Gone),
    ] {
        for is_running in [true, false] {
            // What was sent again in small batches is bundled no more.
            let Some(bundle) = house.stored("bundles").pop() else { continue };
            rounds += 1;
            house.meanwhile(is_running, |_| rot.befall(&bundle, at));
            for name in &names {
                let (path, digest) = listed(&house, name);
                let (status, came) = given(&house, &path);
                assert!(
                    status == "500" || came == digest,
                    "{rot:?} {at} {is_running} {name}: {status}"
                );
            }
            send(&house);
            assert_eq!(house.whole(), packages, "{rot:?} {at} {is_running}");
        }
    }
    assert!(rounds >= 8, "{rounds}");
}
