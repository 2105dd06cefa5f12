//! The status that rows give, compared with a simple model that knows all facts.

use proptest::prelude::*;
use switchyard_chassis::Key;

use super::*;

/// A row in the partition of an order.
#[derive(Debug, Clone, Copy, PartialEq)]
enum StoredRow {
    Confirmed(u64),
    Flagged(u64),
    Picking,
    Cancelled,
    /// No status row, or one with an unknown status.
    Other(&'static str),
}

impl StoredRow {
    fn item(self) -> Item {
        let order_id = OrderId::parse("ord_8h2a").unwrap();
        let row = match self {
            Self::Confirmed(sequence) => {
                OrderStatus::Confirmed.decision_row(&order_id, sequence, Timestamp::UNIX_EPOCH).unwrap()
            }
            Self::Flagged(sequence) => {
                OrderStatus::Flagged.decision_row(&order_id, sequence, Timestamp::UNIX_EPOCH).unwrap()
            }
            Self::Picking => OrderStatus::Picking.row(&order_id, PICKING_STAGE, Timestamp::UNIX_EPOCH),
            Self::Cancelled => OrderStatus::Cancelled.row(&order_id, CANCELLED_STAGE, Timestamp::UNIX_EPOCH),
            Self::Other(sk) => Row::new(Key::new("ORDER#ord_8h2a", sk)),
        };
        row.into_item()
    }
}

fn stored_row() -> impl Strategy<Value = StoredRow> {
    let other = [
        "ORDER",
        "EVENT#evt_1",
        "STATUS#",
        "STATUS#5#too_late",
        "STATUS#7#teleported",
        "STATUS#9#",
        "STATUSES#9#picking",
        "ZZZ",
    ];
    prop_oneof![
        DECISION_STAGES.prop_map(StoredRow::Confirmed),
        DECISION_STAGES.prop_map(StoredRow::Flagged),
        Just(StoredRow::Picking),
        Just(StoredRow::Cancelled),
        prop::sample::select(other.to_vec()).prop_map(StoredRow::Other),
    ]
}

/// The rows of the table: a duplicate fact replaces its row.
fn rows(stored: &[StoredRow]) -> Vec<Item> {
    let mut rows: Vec<Item> = Vec::new();
    for item in stored.iter().map(|row| row.item()) {
        if !rows.contains(&item) {
            rows.push(item);
        }
    }
    rows
}

/// The status according to the model: picking if released, else cancelled, else the decision with the highest sequence.
fn naive(stored: &[StoredRow]) -> OrderStatus {
    if stored.contains(&StoredRow::Picking) {
        return OrderStatus::Picking;
    }
    if stored.contains(&StoredRow::Cancelled) {
        return OrderStatus::Cancelled;
    }
    for sequence in DECISION_STAGES.rev() {
        if stored.contains(&StoredRow::Flagged(sequence)) {
            return OrderStatus::Flagged;
        }
        if stored.contains(&StoredRow::Confirmed(sequence)) {
            return OrderStatus::Confirmed;
        }
    }
    OrderStatus::Received
}

proptest! {
    #[test]
    fn status_from_rows_equals_the_naive_model(stored in prop::collection::vec(stored_row(), 0..12)) {
        prop_assert_eq!(OrderStatus::from_rows(&rows(&stored)), naive(&stored));
    }

    #[test]
    fn status_never_moves_back_when_a_row_is_added(stored in prop::collection::vec(stored_row(), 0..12)) {
        let mut before = OrderStatus::Received;
        for count in 1..=stored.len() {
            let now = OrderStatus::from_rows(&rows(&stored[..count]));
            prop_assert!(now.is_at_least(before), "{before} became {now}");
            before = now;
        }
    }

    #[test]
    fn duplicate_and_reordered_facts_give_the_same_status(
        (stored, shuffled) in prop::collection::vec(stored_row(), 0..8).prop_flat_map(|stored| {
            let twice = [stored.clone(), stored.clone()].concat();
            (Just(stored), Just(twice).prop_shuffle())
        })
    ) {
        prop_assert_eq!(OrderStatus::from_rows(&rows(&shuffled)), OrderStatus::from_rows(&rows(&stored)));
    }
}

#[test]
fn status_goes_from_received_to_decision_to_picking() {
    let check = |stored: &[StoredRow], expected: &str| {
        assert_eq!(OrderStatus::from_rows(&rows(stored)).to_string(), expected, "{stored:?}");
    };
    check(&[], "received");
    check(&[StoredRow::Confirmed(2)], "confirmed");
    check(&[StoredRow::Flagged(2)], "flagged");
    check(&[StoredRow::Flagged(2), StoredRow::Confirmed(3)], "confirmed");
    check(&[StoredRow::Confirmed(3), StoredRow::Flagged(2)], "confirmed");
    check(&[StoredRow::Picking, StoredRow::Confirmed(2)], "picking");
    check(&[StoredRow::Cancelled, StoredRow::Confirmed(3), StoredRow::Flagged(2)], "cancelled");
}

#[test]
fn status_parses_from_its_exact_name_only() {
    for status in OrderStatus::ALL {
        assert_eq!(status.as_str().parse(), Ok(status));
    }
    for bad in ["", "Confirmed", "confirmed ", "confirmed,flagged", "shipped"] {
        let error = bad.parse::<OrderStatus>().unwrap_err();
        assert_eq!(error.0, "must be one of received, confirmed, flagged, picking, cancelled", "{bad:?}");
    }
}

#[test]
fn decision_with_an_invalid_sequence_is_rejected() {
    let order_id = OrderId::parse("ord_8h2a").unwrap();
    for bad in [0, 1, 4, 9, 10, u64::MAX] {
        assert!(OrderStatus::Confirmed.decision_row(&order_id, bad, Timestamp::UNIX_EPOCH).is_err(), "{bad}");
    }
}

#[test]
fn refused_withdrawal_is_too_late_and_changes_no_status() {
    let order_id = OrderId::parse("ord_8h2a").unwrap();
    let refused = OrderStatus::too_late_row(&order_id, Timestamp::UNIX_EPOCH).into_item();
    let rows = [StoredRow::Confirmed(2).item(), refused];
    assert_eq!(OrderStatus::from_rows(&rows), OrderStatus::Confirmed);
    assert!(OrderStatus::is_too_late_to_cancel(&rows) && !OrderStatus::is_too_late_to_cancel(&rows[..1]));
}
