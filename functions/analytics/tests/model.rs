//! The sums of random orders and cancellations, in any order, compared with sums that a simple model computes from the orders.

#![allow(clippy::unwrap_used)] // a failing helper fails its test

use std::collections::{BTreeMap, BTreeSet};

use analytics::{Sale, Sales};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use switchyard_chassis::Key;
use switchyard_events::{
    CancellationReason, Envelope, MAX_ORDER_LINES, OrderCancelled, OrderLine, OrderPlaced, PlacedOrCancelled, Quantity,
    Redacted, RegionCode, Sku, Usd,
};

/// An order: seconds after midnight, region, and for each product its unit price in cents and its quantity.
type Order = (i64, &'static str, BTreeMap<u8, (i64, u64)>);

/// An event: the index of its order, and whether it is the cancellation.
type Event = (usize, bool);

fn orders() -> impl Strategy<Value = Vec<Order>> {
    let lines = prop::collection::btree_map(0..60_u8, (0..3_000_000_i64, 1..=1000_u64), 1..=MAX_ORDER_LINES);
    let order = (0..400_000_i64, prop::sample::select(vec!["ZZ", "Q1", "007"]), lines);
    prop::collection::vec(order, 0..20)
}

/// Orders, some of them cancelled, and all their events in random order.
fn history() -> impl Strategy<Value = (Vec<Order>, Vec<bool>, Vec<Event>)> {
    let cancelled = |orders: Vec<Order>| {
        let flags = prop::collection::vec(any::<bool>(), orders.len());
        (Just(orders), flags)
    };
    let shuffled = |(orders, cancelled): (Vec<Order>, Vec<bool>)| {
        let placed = (0..orders.len()).map(|order| (order, false));
        let cancellations = (0..orders.len()).filter(|&order| cancelled[order]).map(|order| (order, true));
        let events = Just(placed.chain(cancellations).collect::<Vec<_>>()).prop_shuffle();
        (Just(orders), Just(cancelled), events)
    };
    orders().prop_flat_map(cancelled).prop_flat_map(shuffled)
}

fn midnight() -> Timestamp {
    "2026-02-27T00:00:00Z".parse().unwrap()
}

fn placed((seconds, region, lines): &Order) -> OrderPlaced {
    let sample = include_str!("../../../events/samples/OrderPlaced.v1.json");
    let mut order = serde_json::from_str::<Envelope<OrderPlaced>>(sample).unwrap().data;
    let mut address = order.ship_to.reveal().clone();
    address.region = RegionCode::parse(*region).unwrap();
    order.ship_to = Redacted::new(address);
    order.placed_at = midnight() + SignedDuration::from_secs(*seconds);
    let template = order.items[0].clone();
    let line = |(sku, (cents, pieces)): (&u8, &(i64, u64))| OrderLine {
        sku: Sku::parse(format!("P-{sku}")).unwrap(),
        unit_price_usd: Usd::from_cents(*cents),
        quantity: Quantity::try_from(*pieces).unwrap(),
        ..template.clone()
    };
    order.items = lines.iter().map(line).collect();
    order.total_usd = OrderPlaced::sum(&order.items);
    order
}

fn event(orders: &[Order], &(order, is_cancellation): &Event) -> PlacedOrCancelled {
    let order = placed(&orders[order]);
    if !is_cancellation {
        return PlacedOrCancelled::Placed(Box::new(order));
    }
    // Days later: it must not count on the day of the cancellation.
    let cancelled_at = order.placed_at + SignedDuration::from_hours(50);
    PlacedOrCancelled::Cancelled(Box::new(OrderCancelled {
        order,
        reason: CancellationReason::Requested,
        cancelled_at,
    }))
}

/// The sums by key, as they are in the table after all shards are added up.
fn rollups(orders: &[Order], events: &[Event]) -> BTreeMap<Key, Sales> {
    let mut rollups = BTreeMap::new();
    for event in events.iter().map(|at| event(orders, at)) {
        for (key, sales) in Sale::from_order(event.order()).additions_of(&event) {
            *rollups.entry(key).or_default() += sales;
        }
    }
    rollups
}

/// The expected sums by partition and sort key: orders, pieces and cents, and cancelled orders.
type Expected = BTreeMap<(String, String), (i64, i64, i64, i64)>;

fn expected(orders: &[Order], cancelled: &[bool]) -> Expected {
    let mut expected = Expected::new();
    for ((seconds, region, lines), &cancelled) in orders.iter().zip(cancelled) {
        let day = ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03"];
        let pk = format!("DAY#{}", day[usize::try_from(seconds / 86_400).unwrap()]);
        let mut count = |sk: String, lines: Vec<(i64, u64)>| {
            let sum = expected.entry((pk.clone(), sk)).or_default();
            if cancelled {
                sum.3 += 1;
                return;
            }
            sum.0 += 1;
            for (cents, pieces) in lines {
                let pieces = i64::try_from(pieces).unwrap();
                (sum.1, sum.2) = (sum.1 + pieces, sum.2 + cents * pieces);
            }
        };
        count(format!("REGION#US-{region}"), lines.values().copied().collect());
        for (sku, line) in lines {
            count(format!("SKU#P-{sku}"), vec![*line]);
        }
    }
    expected
}

proptest! {
    #[test]
    fn rollups_equal_the_sums_of_a_naive_model((orders, cancelled, events) in history()) {
        let found: Expected = rollups(&orders, &events)
            .into_iter()
            .map(|(key, sales)| {
                let cents = i64::try_from(sales.revenue.decimal() * rust_decimal::Decimal::ONE_HUNDRED).unwrap();
                ((key.pk, key.sk), (sales.orders, sales.units, cents, sales.cancelled))
            })
            .collect();
        prop_assert_eq!(found, expected(&orders, &cancelled));
    }

    #[test]
    fn region_and_product_sums_of_a_day_agree((orders, _, events) in history()) {
        let rollups = rollups(&orders, &events);
        let days: BTreeSet<_> = rollups.keys().map(|key| &key.pk).collect();
        for day in days {
            let sum = |kind: &str| -> Sales {
                let of_kind = rollups.iter().filter(|(key, _)| key.pk == *day && key.sk.starts_with(kind));
                of_kind.map(|(_, sales)| *sales).sum()
            };
            let (regions, products) = (sum("REGION#"), sum("SKU#"));
            prop_assert_eq!((regions.units, regions.revenue), (products.units, products.revenue));
        }
    }

    #[test]
    fn every_order_fits_into_one_transaction(orders in orders()) {
        for order in &orders {
            // One region, the products, and the row of the order itself; DynamoDB allows 100 writes.
            prop_assert!(Sale::from_order(&placed(order)).additions().len() <= 1 + MAX_ORDER_LINES);
        }
    }
}
