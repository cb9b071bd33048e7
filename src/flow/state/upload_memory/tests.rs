//! UploadMemory: never more than there is, and nobody waits for ever.

use super::*;
use std::sync::atomic::{AtomicU64, Ordering};

fn never_hold_more(whole: u64, lend: impl Fn(u64) + Sync, take_back: impl Fn(u64) + Sync) {
    let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (lend, take_back, held, most) = (&lend, &take_back, &held, &most);
            scope.spawn(move || {
                for round in 0..500_u64 {
                    let bytes = (thread * 31 + round * 17) % (whole + 1);
                    lend(bytes);
                    let now = held.fetch_add(bytes, Ordering::SeqCst) + bytes;
                    most.fetch_max(now, Ordering::SeqCst);
                    held.fetch_sub(bytes, Ordering::SeqCst);
                    take_back(bytes);
                }
            });
        }
    });
    let most = most.into_inner();
    assert!((whole * 9 / 10..=whole).contains(&most), "{most} of {whole}");
}

#[test]
fn decoders_never_hold_more_than_there_is() {
    let memory = UploadMemory::new(500);
    assert_eq!(memory.whole_bytes(), 300);
    let (none, all) = (Held::default(), |bytes| Held { bytes, most_bytes: bytes });
    let lender = memory.lender(None);
    let take_back = |bytes| lender.lend(all(bytes), none);
    never_hold_more(300, |bytes| lender.lend(none, all(bytes)), take_back);
    assert!(lock(&memory.decoders.held).is_empty());
}

#[test]
fn packages_that_grow_while_they_hold_memory_all_come_to_their_ends() {
    let memory = UploadMemory::new(500);
    let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (memory, now, most) = (&memory, &now, &most);
            scope.spawn(move || {
                for round in 0..300_u64 {
                    let most_bytes = 60 + (thread * 37 + round * 11) % 240;
                    let mut from = Held::default();
                    let memory = memory.lender(None);
                    // By halves, as tables grow, with the old one beside the new.
                    for part in [6, 4, 3, 2, 1] {
                        let to = Held { bytes: most_bytes / part, most_bytes };
                        memory.lend(from, to);
                        let more = to.bytes - from.bytes;
                        most.fetch_max(
                            now.fetch_add(more, Ordering::SeqCst) + more,
                            Ordering::SeqCst,
                        );
                        from = to;
                        std::thread::yield_now();
                    }
                    now.fetch_sub(from.bytes, Ordering::SeqCst);
                    memory.lend(from, Held::default());
                }
            });
        }
    });
    assert!((200..=300).contains(&most.into_inner()));
    assert!(lock(&memory.decoders.held).is_empty());
}

#[test]
fn what_would_leave_all_waiting_for_each_other_waits() {
    let decoders = Decoders::new(100);
    let one = |bytes, most_bytes| Held { bytes, most_bytes };
    assert!(decoders.all_can_end(&[one(40, 70), one(30, 60)]), "30 are free for either");
    assert!(!decoders.all_can_end(&[one(40, 70), one(35, 70)]), "25 are, for none");
    assert!(decoders.all_can_end(&[one(40, 100), one(35, 60)]), "60 once the second has ended");
    assert!(!decoders.all_can_end(&[one(60, 60), one(50, 50)]), "more than there is");
    // Who holds more than may be lent beside it keeps others from beginning, until it ends.
    decoders.lend(&None, Held::default(), one(40, 70));
    let begun = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            decoders.lend(&None, Held::default(), one(35, 70));
            begun.store(true, Ordering::SeqCst);
        });
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(!begun.load(Ordering::SeqCst));
        decoders.lend(&None, one(40, 70), Held::default());
    });
    assert!(begun.into_inner());
}

#[test]
fn encoders_never_hold_more_than_there_is_and_wait_for_no_decoder() {
    let memory = UploadMemory::new(500);
    memory.lender(None).lend(Held::default(), Held { bytes: 300, most_bytes: 300 });
    let share = &memory.encoders;
    never_hold_more(100, |bytes| share.lend(bytes), |bytes| share.take_back(bytes));
    // Who wants more than there is leaves room for another.
    let (one, other) = (memory.encode(5_000), memory.encode(100));
    assert_eq!(*lock(&share.free_bytes), 0);
    drop((one, other));
    assert_eq!(*lock(&share.free_bytes), 100);
}

#[tokio::test]
async fn bodies_wait_for_room_and_no_large_one_for_what_small_ones_have() {
    let memory = UploadMemory::new(5 * (1 << 20));
    let (one, other) = (None, "ci.example.org".parse().ok());
    // Eleven sixteenths of a fifth, of which nobody has all.
    let first = memory.room(RoomFor::Large, &one, 300 << 10).await;
    let second = memory.room(RoomFor::Large, &one, 300 << 10);
    tokio::pin!(second);
    assert!(futures_util::poll!(second.as_mut()).is_pending());
    let _others = memory.room(RoomFor::Large, &other, 200 << 10).await;
    let _small = memory.room(RoomFor::Small, &one, 200).await;
    let _parsed = memory.room(RoomFor::Parsed, &one, 10 << 20).await;
    drop(first);
    second.await;
}

#[test]
fn a_package_that_waits_presses_the_senders_of_others() {
    let memory = UploadMemory::new(500);
    let (one, other): (Sender, Sender) = (None, "ci.example.org".parse().ok());
    let all = Held { bytes: 300, most_bytes: 300 };
    memory.lender(one.clone()).lend(Held::default(), all);
    assert_eq!(memory.decoders_pressed(&one), None);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let lender = memory.lender(other.clone());
            lender.lend(Held::default(), all);
            lender.lend(all, Held::default());
        });
        while memory.decoders_pressed(&one).is_none() {
            std::thread::yield_now();
        }
        assert_eq!(memory.decoders_pressed(&other), None);
        memory.lender(one.clone()).lend(all, Held::default());
    });
    assert_eq!(memory.decoders_pressed(&one), None);
}
