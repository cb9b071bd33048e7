//! What nothing names goes after the grace, and nothing else does: a server in this process.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use repod::digest::Digest;
use repod::domain::Change;
use repod::domain::{PinKind, PinTarget};
use repod::flow::upkeep::sweep::{Swept, sweep};
use repod::flow::upload::batch;
use repod::flow::upload::body::{self, RoomFor};
use repod::pool::{Kind, Opened};
use repod::time::Clock;

use crate::harness::server::package;
use crate::renewal::{DAY, Moved, stable};

fn path(moved: &Moved, kind: Kind, digest: &Digest) -> PathBuf {
    let name = digest.to_string();
    let kind_directory = if kind == Kind::Blob { "blobs" } else { "packs" };
    moved.data.join("pool").join(kind_directory).join(&name[..2]).join(&name)
}

/// Files have the age that the machine's clock gave them; here it is that of the clock by hand.
fn written_now(moved: &Moved, kind: Kind, digest: &Digest) {
    let now = u64::try_from(moved.clock.now().0).unwrap();
    let file = std::fs::File::options().write(true).open(path(moved, kind, digest)).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(now)).unwrap();
}

fn swept(moved: &Moved) -> (u64, u64) {
    let Swept { blobs, packs, .. } = sweep(&moved.repository).unwrap();
    (blobs, packs)
}

fn packs(moved: &Moved) -> Vec<Digest> {
    let listed = moved.repository.pool.list(Kind::Pack).unwrap();
    listed.into_iter().map(|one| one.digest).collect()
}

/// Every package of the suite and every pack is there, with the bytes that its name says.
pub(crate) fn is_whole(moved: &Moved) {
    let state = moved.repository.desk(&stable()).unwrap().state();
    let named =
        state.contents.packages().map(|(_, p)| p).map(|package| (Kind::Blob, package.digest));
    let recorded = moved.repository.catalogue.list_packs().unwrap();
    assert!(!recorded.is_empty());
    let recorded = recorded.into_iter().map(|digest| (Kind::Pack, digest));
    for (kind, digest) in named.chain(recorded) {
        let opened = moved.repository.pool.open(kind, &digest).unwrap();
        let Some(Opened::File { file, offset, size_bytes }) = opened else {
            panic!("{kind:?} {digest} is gone")
        };
        let mut bytes = vec![0; usize::try_from(size_bytes).unwrap()];
        file.read_exact_at(&mut bytes, offset).unwrap();
        assert_eq!(Digest::of(&bytes), digest);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staged_package_goes_after_the_grace_and_not_before() {
    let moved = Moved::start().await;
    moved.upload("acme-web", "1.0").await;
    let staged = moved.stage("acme-tool", "1.0").await;
    let file = path(&moved, Kind::Blob, &staged);
    written_now(&moved, Kind::Blob, &staged);
    moved.later(DAY - 10);
    assert_eq!(swept(&moved), (0, 0));
    assert!(file.exists());
    // Sent again, it is as fresh as if it had just come.
    assert_eq!(moved.stage("acme-tool", "1.0").await, staged);
    moved.later(DAY - 10);
    assert_eq!(swept(&moved), (0, 0));
    assert!(file.exists());
    moved.later(20);
    assert_eq!(swept(&moved), (1, 0));
    assert!(!file.exists());
    assert!(moved.repository.catalogue.find_packages(&[staged]).unwrap().is_empty());
    assert_eq!(swept(&moved), (0, 0));
    is_whole(&moved);
    // It can come again.
    moved.upload("acme-tool", "1.0").await;
    is_whole(&moved);
    assert_eq!(moved.listed(), ["acme-tool 1.0", "acme-web 1.0"]);
}

/// Those that no suite took go from the file that they share, and the others stay.
#[tokio::test(flavor = "multi_thread")]
async fn of_packages_in_one_file_only_the_named_stay() {
    let moved = Moved::start().await;
    let debs: Vec<_> = (0..40)
        .map(|number| bytes::Bytes::from(package(&format!("acme-{number:02}"), "1.0").build()))
        .collect();
    let sent: Vec<_> = debs.iter().map(|deb| (Digest::of(deb), deb.clone())).collect();
    let room = body::room(&moved.repository, RoomFor::Large, &None, 1 << 20).await.unwrap();
    let sent = batch::upload_all(&moved.repository, &moved.admin, sent, room).await.unwrap();
    let digests: Vec<_> = sent.iter().map(|(digest, _)| *digest).collect();
    let bundles = || -> Vec<_> {
        let found = walkdir::WalkDir::new(moved.data.join("pool/bundles")).into_iter();
        let files = found.map(Result::unwrap).filter(|entry| entry.file_type().is_file());
        files.map(|entry| entry.into_path()).collect()
    };
    let [bundle] = <[PathBuf; 1]>::try_from(bundles()).unwrap();
    moved.change(Change::Add(vec![("main".parse().unwrap(), digests[7])])).await;
    let now = u64::try_from(moved.clock.now().0).unwrap();
    let file = std::fs::File::options().write(true).open(&bundle).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(now)).unwrap();
    moved.later(DAY - 10);
    assert_eq!(swept(&moved), (0, 0));
    moved.later(20);
    assert_eq!(swept(&moved), (39, 0));
    let left = bundles();
    assert!(left.len() == 1 && left[0].metadata().unwrap().len() < 2 * debs[7].len() as u64 + 200);
    assert_eq!(moved.repository.pool.list(Kind::Blob).unwrap().len(), 1);
    is_whole(&moved);
    assert_eq!(moved.listed(), ["acme-07 1.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_suite_ever_took_stays() {
    let moved = Moved::start().await;
    moved.upload("acme-web", "1.0").await;
    moved.upload("acme-web", "2.0").await;
    moved.later(400 * DAY);
    assert_eq!(swept(&moved), (0, 0));
    // The older one is still there to go back to.
    let target = PinTarget { kind: PinKind::Source, name: "acme-web".parse().unwrap() };
    moved.change(Change::Pin(target, "1.0".parse().unwrap(), None)).await;
    assert_eq!(moved.listed(), ["acme-web 1.0"]);
    moved.later(400 * DAY);
    assert_eq!(swept(&moved), (0, 0));
    is_whole(&moved);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_without_a_record_go_after_the_grace() {
    let moved = Moved::start().await;
    moved.upload("acme-web", "1.0").await;
    let pool = &moved.repository.pool;
    let lost = pool.keep(Kind::Blob, b"a package whose record was never written").unwrap();
    let orphan = pool.keep(Kind::Pack, b"chunks of a generation that never was").unwrap();
    written_now(&moved, Kind::Blob, &lost);
    written_now(&moved, Kind::Pack, &orphan);
    moved.later(DAY - 10);
    assert_eq!(swept(&moved), (0, 0));
    assert!(packs(&moved).contains(&orphan));
    moved.later(20);
    assert_eq!(swept(&moved), (1, 1));
    assert!(!path(&moved, Kind::Blob, &lost).exists());
    assert!(!packs(&moved).contains(&orphan));
    is_whole(&moved);
    moved.upload("acme-web", "2.0").await;
    is_whole(&moved);
}

/// A pack that was left over is made again by a publication while sweeps go on all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_sweep_takes_a_pack_that_is_made_again() {
    let moved = Moved::start().await;
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        // To this clock, whatever the machine's clock dates is long past the grace.
        moved.later(400 * DAY);
        let sweeper = scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                sweep(&moved.repository).unwrap();
            }
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for version in 1..=20 {
                    moved.upload("acme-web", &format!("{version}.0")).await;
                }
            });
        });
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        sweeper.join().unwrap();
    });
    is_whole(&moved);
    assert_eq!(moved.listed(), ["acme-web 20.0"]);
}
