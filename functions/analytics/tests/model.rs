//! The sums of random orders, compared with sums that a simple model computes from the same orders.

#![allow(clippy::unwrap_used)] // a failing helper fails its test

use std::collections::{BTreeMap, BTreeSet};

use analytics::{Sale, Sales};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use switchyard_chassis::Key;
use switchyard_events::{Envelope, MAX_ORDER_LINES, OrderLine, OrderPlaced, Quantity, Redacted, RegionCode, Sku, Usd};

/// An order: seconds after midnight, region, and for each product its unit price in cents and its quantity.
type Order = (i64, &'static str, BTreeMap<u8, (i64, u64)>);

fn orders() -> impl Strategy<Value = Vec<Order>> {
    let lines = prop::collection::btree_map(0..60_u8, (0..3_000_000_i64, 1..=1000_u64), 1..=MAX_ORDER_LINES);
    let order = (0..400_000_i64, prop::sample::select(vec!["ZZ", "Q1", "007"]), lines);
    prop::collection::vec(order, 0..20)
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

/// The sums by key, as they are in the table after all shards are added up.
fn rollups(orders: &[Order]) -> BTreeMap<Key, Sales> {
    let mut rollups = BTreeMap::new();
    for (key, sales) in orders.iter().flat_map(|order| Sale::from_order(&placed(order)).additions()) {
        *rollups.entry(key).or_default() += sales;
    }
    rollups
}

/// The expected sums by partition and sort key: orders, pieces and cents.
type Expected = BTreeMap<(String, String), (u64, u64, i64)>;

fn expected(orders: &[Order]) -> Expected {
    let mut expected = Expected::new();
    for (seconds, region, lines) in orders {
        let day = ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03"];
        let pk = format!("DAY#{}", day[usize::try_from(seconds / 86_400).unwrap()]);
        let region = expected.entry((pk.clone(), format!("REGION#US-{region}"))).or_default();
        region.0 += 1;
        for (cents, pieces) in lines.values() {
            region.1 += pieces;
            region.2 += cents * i64::try_from(*pieces).unwrap();
        }
        for (sku, (cents, pieces)) in lines {
            let sum = expected.entry((pk.clone(), format!("SKU#P-{sku}"))).or_default();
            *sum = (sum.0 + 1, sum.1 + pieces, sum.2 + cents * i64::try_from(*pieces).unwrap());
        }
    }
    expected
}

proptest! {
    #[test]
    fn rollups_equal_the_sums_of_a_naive_model(orders in orders()) {
        let found: Expected = rollups(&orders)
            .into_iter()
            .map(|(key, sales)| {
                let cents = i64::try_from(sales.revenue.decimal() * rust_decimal::Decimal::ONE_HUNDRED).unwrap();
                ((key.pk, key.sk), (sales.orders, sales.units, cents))
            })
            .collect();
        prop_assert_eq!(found, expected(&orders));
    }

    #[test]
    fn region_and_product_sums_of_a_day_agree(orders in orders()) {
        let rollups = rollups(&orders);
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
