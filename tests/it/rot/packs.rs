//! Packs: where the chunks of all index files lie.

use super::*;

#[test]
fn a_rotten_pack_is_made_anew_before_anything_of_it_is_signed_or_whole() {
    let mut house = House::new();
    let packs = house.stored("packs");
    assert!(packs.len() > 3, "{packs:?}");
    for (number, rot) in ROTS.into_iter().enumerate() {
        for is_running in [true, false] {
            let at = 100 + 350 * number;
            // All of them at once, each at another place.
            house.meanwhile(is_running, |house| {
                let packs = house.stored("packs");
                packs
                    .iter()
                    .enumerate()
                    .for_each(|(n, pack)| rot.befall(pack, (at + n * 97) % 1000));
            });
            assert_eq!(house.whole(), house.packages, "{rot:?} {is_running}");
            // What nothing that is listed is made of, nobody has read.
            let packs = house.stored("packs").into_iter();
            packs.filter(|pack| !is_sound(pack)).for_each(|pack| fs::remove_file(pack).unwrap());
        }
    }
    assert!(house.server.log().contains("damage was repaired"), "by stanzas alone");
    let warnings = house.warnings();
    assert!(warnings.contains("damage-repaired") && warnings.contains("pack "), "{warnings}");
    // What comes next is signed over sound bytes.
    house.server.upload("acme-next", "1.0").expect_success();
    assert_eq!(house.whole().len(), house.packages.len() + 1);
}

/// The next change meets the rot before anything else does.
#[test]
fn a_change_over_rotten_packs_repairs_them_and_is_published() {
    for is_running in [true, false] {
        let mut house = House::new();
        house.meanwhile(is_running, |house| {
            house.stored("packs").iter().for_each(|pack| Rot::Flipped.befall(pack, 990));
        });
        house.server.upload("acme-aaa", "1.0").expect_success();
        let mut packages = house.packages.clone();
        packages.insert(("acme-aaa".into(), "1.0".into(), "amd64".into()));
        assert_eq!(house.whole(), packages);
    }
}

/// An incident is no time to wait for a repair.
#[test]
fn a_rollback_over_rotten_packs_repairs_them_and_is_published() {
    let mut house = House::new();
    house.server.upload("acme-web", "2.0").expect_success();
    assert_ne!(house.whole(), house.packages);
    house.meanwhile(false, |house| {
        house.stored("packs").iter().for_each(|pack| Rot::Flipped.befall(pack, 500));
    });
    let words = ["pin", "--suite", "stable", "--rollback", "acme-web", "--yes"];
    house.server.repoctl(&words).expect_success();
    assert_eq!(house.whole(), house.packages);
}
