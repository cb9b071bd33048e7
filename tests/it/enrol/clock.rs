//! A token ends with the time that passes, whatever the clock is set to.

use repod::domain::{Grant, Role, SuiteScope, TokenFault};
use repod::flow::FlowError;
use repod::flow::access::enrol::{self, Made, Shown, Wanted};
use repod::trust::NewRequest;
use zeroize::Zeroizing;

use super::NAME;
use crate::crash::house::{Ground, House};

fn make(house: &House<'_>) -> Made {
    let suites = SuiteScope::Named(["stable".parse().unwrap()].into());
    let grant = Grant::whole(NAME.parse().unwrap(), Role::Host, suites);
    let wanted = Wanted { grant, hours: 1, days: None };
    house.block_on(enrol::make(&house.repository, &house.ground.admitted(), wanted)).unwrap()
}

fn enroll(house: &House<'_>, made: &Made) -> Result<(), FlowError> {
    let shown = Shown {
        name: NAME.parse().unwrap(),
        secret: Zeroizing::new(made.secret.to_string()),
        csr_pem: NewRequest::make().unwrap().csr_pem.to_string(),
        message: String::new(),
    };
    house.block_on(enrol::enroll(&house.repository, shown)).map(drop)
}

#[track_caller]
fn expired(result: Result<(), FlowError>) {
    assert!(matches!(result, Err(FlowError::Token(TokenFault::Expired))), "{result:?}");
}

#[test]
fn a_clock_that_is_set_back_revives_no_token() {
    let ground = Ground::new();
    let (clock, place) = (ground.clock(), ground.place("clock"));
    let house = House::open_with_ca(&ground, &place, &clock);
    house.create("stable").unwrap();
    let (ended, lasting) = (make(&house), make(&house));
    drop(ended);
    clock.advance(3_599);
    clock.advance(-3_000);
    enroll(&house, &lasting).unwrap();

    // Set back by less than it lasts, after it has ended; and again, to before it was made.
    let ended = make(&house);
    clock.advance(3_600);
    expired(enroll(&house, &ended));
    for seconds in [-1, -1_800, -2_000] {
        clock.advance(seconds);
        expired(enroll(&house, &ended));
    }
    assert_eq!(house.repository.now_for(&ended.token), ended.token.ends_at);
    clock.advance(10_000);

    // A server that is started meanwhile knows what is left of it.
    let made = make(&house);
    clock.advance(1_800);
    drop(house);
    let house = House::open_with_ca(&ground, &place, &clock);
    clock.advance(1_799);
    clock.advance(-1_000);
    assert!(house.repository.now_for(&made.token) < made.token.ends_at);
    clock.advance(1);
    expired(enroll(&house, &made));
}
