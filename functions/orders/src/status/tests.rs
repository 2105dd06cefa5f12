//! A status against a naive model of it.

use proptest::prelude::*;

use super::*;

/// What somebody says about an order.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Said {
    Confirmed(u64),
    Flagged(u64),
    Picking,
    /// Something that is no status, or none that is known.
    Else(&'static str),
}

impl Said {
    fn item(self) -> Item {
        let order_id = OrderId::parse("ord_8h2a").unwrap();
        let row = match self {
            Self::Confirmed(sequence) => {
                OrderStatus::Confirmed.decided(&order_id, sequence, Timestamp::UNIX_EPOCH).unwrap()
            }
            Self::Flagged(sequence) => {
                OrderStatus::Flagged.decided(&order_id, sequence, Timestamp::UNIX_EPOCH).unwrap()
            }
            Self::Picking => OrderStatus::Picking.row(&order_id, PICKING, Timestamp::UNIX_EPOCH),
            Self::Else(sk) => Row::new(Key::new("ORDER#ord_8h2a", sk)),
        };
        row.into_item()
    }
}

fn said() -> impl Strategy<Value = Said> {
    let other = ["ORDER", "EVENT#evt_1", "STATUS#", "STATUS#5#teleported", "STATUS#9#", "STATUSES#9#picking", "ZZZ"];
    prop_oneof![
        DECISIONS.prop_map(Said::Confirmed),
        DECISIONS.prop_map(Said::Flagged),
        Just(Said::Picking),
        prop::sample::select(other.to_vec()).prop_map(Said::Else),
    ]
}

/// The table: a fact said again lies where it lay.
fn rows(said: &[Said]) -> Vec<Item> {
    let mut rows: Vec<Item> = Vec::new();
    for item in said.iter().map(|said| said.item()) {
        if !rows.contains(&item) {
            rows.push(item);
        }
    }
    rows
}

/// What a person would say who has heard it all: it is being picked, or it is as it was decided last.
fn naive(said: &[Said]) -> OrderStatus {
    if said.contains(&Said::Picking) {
        return OrderStatus::Picking;
    }
    for sequence in DECISIONS.rev() {
        if said.contains(&Said::Flagged(sequence)) {
            return OrderStatus::Flagged;
        }
        if said.contains(&Said::Confirmed(sequence)) {
            return OrderStatus::Confirmed;
        }
    }
    OrderStatus::Received
}

proptest! {
    #[test]
    fn a_status_is_what_a_person_would_say_who_has_heard_it_all(said in prop::collection::vec(said(), 0..12)) {
        prop_assert_eq!(OrderStatus::from_rows(&rows(&said)), naive(&said));
    }

    #[test]
    fn whatever_is_said_next_never_takes_an_order_back(said in prop::collection::vec(said(), 0..12)) {
        let mut before = OrderStatus::Received;
        for heard in 1..=said.len() {
            let now = OrderStatus::from_rows(&rows(&said[..heard]));
            prop_assert!(now.is_at_least(before), "{before} became {now}");
            before = now;
        }
    }

    #[test]
    fn facts_in_another_order_and_repeated_say_the_same(
        (said, shuffled) in prop::collection::vec(said(), 0..8).prop_flat_map(|said| {
            let twice = [said.clone(), said.clone()].concat();
            (Just(said), Just(twice).prop_shuffle())
        })
    ) {
        prop_assert_eq!(OrderStatus::from_rows(&rows(&shuffled)), OrderStatus::from_rows(&rows(&said)));
    }
}

#[test]
fn an_order_goes_from_received_to_a_decision_to_picking() {
    let check = |said: &[Said], expected: &str| {
        assert_eq!(OrderStatus::from_rows(&rows(said)).to_string(), expected, "{said:?}")
    };
    check(&[], "received");
    check(&[Said::Confirmed(2)], "confirmed");
    check(&[Said::Flagged(2)], "flagged");
    check(&[Said::Flagged(2), Said::Confirmed(3)], "confirmed");
    check(&[Said::Confirmed(3), Said::Flagged(2)], "confirmed");
    check(&[Said::Picking, Said::Confirmed(2)], "picking");
}

#[test]
fn a_status_is_read_by_its_name_and_nothing_else() {
    for status in OrderStatus::ALL {
        assert_eq!(status.as_str().parse(), Ok(status));
    }
    for bad in ["", "Confirmed", "confirmed ", "confirmed,flagged", "shipped"] {
        let error = bad.parse::<OrderStatus>().unwrap_err();
        assert_eq!(error.0, "must be one of received, confirmed, flagged, picking", "{bad:?}");
    }
}

#[test]
fn a_decision_that_is_no_decisions_fact_is_refused() {
    let order_id = OrderId::parse("ord_8h2a").unwrap();
    for bad in [0, 1, 9, 10, u64::MAX] {
        assert!(OrderStatus::Confirmed.decided(&order_id, bad, Timestamp::UNIX_EPOCH).is_err(), "{bad}");
    }
}
