//! Shares: who gets what is free, who waits, and who is pressed.

use futures_util::FutureExt as _;

use super::*;

fn sender(number: usize) -> Sender {
    Some(format!("ci-{number}.example.org").parse().unwrap())
}

/// What is given at once of so many requests; the others wait in the second list.
fn ask<'s>(
    shares: &'s Arc<Shares>,
    of: &'s Sender,
    units: u64,
    times: usize,
) -> (Vec<Share>, Vec<std::pin::Pin<Box<impl Future<Output = Share> + 's>>>) {
    let (mut given, mut waiting) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let mut taking = Box::pin(shares.take(of, units));
        match taking.as_mut().now_or_never() {
            Some(share) => given.push(share),
            None => waiting.push(taking),
        }
    }
    (given, waiting)
}

#[test]
fn one_sender_never_has_all_places_and_the_next_gets_one_at_once() {
    let shares = Shares::new(16);
    let (one, two, three) = (sender(1), sender(2), sender(3));
    let (first, first_waits) = ask(&shares, &one, 1, 64);
    assert_eq!((first.len(), first_waits.len()), (8, 56));
    let (second, second_waits) = ask(&shares, &two, 1, 64);
    assert_eq!(second.len(), 5);
    let (third, _third_waits) = ask(&shares, &three, 1, 64);
    assert_eq!(third.len(), 3);
    // Who leaves makes room for who has less than its share, not for who has waited longest.
    drop((second, second_waits));
    let book = lock(&shares.book);
    let held = |of: &Sender| book.parties[of].held;
    assert_eq!((held(&one), held(&three), book.free), (8, 5, 3));
    drop(book);
    assert_eq!((first.len(), first_waits.len()), (8, 56));
}

#[test]
fn jobs_of_one_sender_come_in_their_order_and_all_come() {
    let shares = Shares::new(4);
    let one = sender(1);
    let (mut held, waiting) = ask(&shares, &one, 1, 50);
    assert_eq!(held.len(), 2);
    for mut taking in waiting {
        held.remove(0);
        held.push(taking.as_mut().now_or_never().expect("it is its turn"));
    }
    drop(held);
    let book = lock(&shares.book);
    assert_eq!((book.free, book.parties.len(), book.waiting.len()), (4, 0, 0));
}

#[test]
fn who_asks_for_much_is_not_passed_over_for_ever_and_gets_what_there_is() {
    let shares = Shares::new(100);
    let (small, large, late) = (sender(1), sender(2), sender(3));
    let (mut held, _) = ask(&shares, &small, 10, 3);
    let (none, mut large_waits) = ask(&shares, &large, 1_000, 1);
    assert!(none.is_empty());
    // Another small one would fit beside those, and waits behind the large one.
    let (more, mut small_waits) = ask(&shares, &late, 10, 1);
    assert!(more.is_empty());
    drop(std::mem::take(&mut held));
    let all = large_waits[0].as_mut().now_or_never().expect("all of it");
    assert_eq!(all.units, 100);
    drop(all);
    assert!(small_waits[0].as_mut().now_or_never().is_some());
}

#[test]
fn who_gives_up_waiting_leaves_nothing_behind() {
    let shares = Shares::new(2);
    let one = sender(1);
    let (held, waiting) = ask(&shares, &one, 1, 20);
    drop(waiting);
    drop(held);
    let book = lock(&shares.book);
    assert_eq!((book.free, book.parties.len(), book.waiting.len()), (2, 0, 0));
    assert!(book.blocked.is_none());
}

#[test]
fn only_who_has_most_is_pressed_and_only_by_who_could_go_on() {
    let shares = Shares::new(16);
    let (one, two, three) = (sender(1), sender(2), sender(3));
    let (_first, _first_waits) = ask(&shares, &one, 1, 64);
    // Its own jobs wait for its own share: that presses nobody.
    let (_second, _) = ask(&shares, &two, 1, 1);
    assert_eq!((shares.pressed(&one), shares.pressed(&two)), (None, None));
    let (_second, _) = ask(&shares, &two, 1, 4);
    let (third, _) = ask(&shares, &three, 1, 3);
    assert_eq!(third.len(), 3);
    let four = sender(4);
    let (none, _waits) = ask(&shares, &four, 1, 1);
    assert!(none.is_empty());
    assert!(shares.pressed(&one).is_some());
    for other in [&two, &three, &four, &None] {
        assert_eq!(shares.pressed(other), None, "{other:?}");
    }
}
