//! Clients that ask again: a chain is judged once in an epoch, whatever came of it.

use std::sync::atomic::Ordering;

use super::*;

/// How often the chain is judged while somebody asks a hundred times.
#[track_caller]
fn judged(peer: &Peer, trust: &Trust, now: Moment, code: Option<&str>) -> usize {
    let before = peer.judged.load(Ordering::Relaxed);
    for _ in 0..100 {
        let refusal = peer.standing(trust, now).err();
        assert_eq!(refusal.as_ref().map(Refusal::code), code);
    }
    peer.judged.load(Ordering::Relaxed) - before
}

#[test]
fn a_refused_client_that_asks_again_costs_no_more_than_one_that_is_let_in() {
    let bench = Bench::new();
    let (chain, serial) = bench.chain("web-01.example.org");
    bench.revoke(&[], NOW, 30 * DAY);
    let trust = bench.load(NOW);
    let peer = Peer::new(chain);
    assert_eq!(judged(&peer, &trust, NOW, None), 1);
    // Revoked: the new list is a new epoch, in which it is judged once.
    bench.revoke(&[&serial], NOW, 30 * DAY);
    trust.reload(NOW).unwrap();
    assert_eq!(judged(&peer, &trust, NOW, Some("certificate_revoked")), 1);
    assert_eq!(judged(&peer, &trust, NOW.plus(DAY), Some("certificate_revoked")), 0);
    assert_eq!(peer.proven(&trust, NOW).unwrap().0.as_str(), "web-01.example.org");
    // And taken back.
    bench.revoke(&[], NOW.plus(DAY), 30 * DAY);
    trust.reload(NOW.plus(DAY)).unwrap();
    assert_eq!(judged(&peer, &trust, NOW.plus(DAY), None), 1);
    // While nobody is served, and once the list is there again.
    assert_eq!(judged(&peer, &trust, NOW.plus(40 * DAY), Some("crl_stale")), 0);
}

#[test]
fn a_chain_out_of_its_dates_is_judged_now_and_then() {
    let bench = Bench::new();
    bench.revoke(&[], NOW, 30 * DAY);
    let trust = bench.load(NOW);
    let of = |from: i64, until: i64| {
        Peer::new(bench.odd(|params| {
            params.not_before = written(NOW.plus(from)).unwrap().to_datetime();
            params.not_after = written(NOW.plus(until)).unwrap().to_datetime();
        }))
    };
    let expired = of(-2 * DAY, -DAY);
    assert_eq!(judged(&expired, &trust, NOW, Some("certificate_expired")), 1);
    assert_eq!(judged(&expired, &trust, NOW.plus(59), Some("certificate_expired")), 0);
    assert_eq!(judged(&expired, &trust, NOW.plus(60), Some("certificate_expired")), 1);
    // A clock that was wrong and is put right.
    assert_eq!(judged(&expired, &trust, NOW.plus(-3 * DAY), Some("certificate_not_yet_valid")), 1);
    let early = of(10, DAY);
    assert_eq!(judged(&early, &trust, NOW, Some("certificate_not_yet_valid")), 1);
    assert_eq!(judged(&early, &trust, NOW.plus(9), Some("certificate_not_yet_valid")), 0);
    assert_eq!(judged(&early, &trust, NOW.plus(10), None), 1);
    // One of another CA is invalid for as long as the CAs are these.
    let other = Peer::new(Bench::new().odd(|_| {}));
    assert_eq!(judged(&other, &trust, NOW, Some("unknown_issuer")), 1);
    assert_eq!(judged(&other, &trust, NOW.plus(DAY), Some("unknown_issuer")), 0);
}
