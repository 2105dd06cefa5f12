//! Pages, compared with a list computed in a simple way.

use aws_sdk_dynamodb::types::AttributeValue;
use proptest::prelude::*;
use switchyard_chassis::Item;
use switchyard_events::{Cause, CorrelationId, Envelope, Fact, OutboxEntry};

use super::*;

fn wave() -> WaveId {
    WaveId::parse("20260526T142504.000Z").unwrap()
}

fn pages(orders: Vec<PickOrder>) -> Vec<PickWaveReleased> {
    let page = |(number, orders): (u32, Vec<PickOrder>)| page(&wave(), (number, number), released_at(), &orders);
    (1..).zip(fill_pages(orders)).map(page).collect()
}

fn released_at() -> Timestamp {
    "2026-05-26T14:25:04Z".parse().unwrap()
}

fn order((id, placed, lines): (u16, u8, BTreeMap<u8, u32>)) -> PickOrder {
    let line = |(sku, quantity)| (Sku::parse(format!("SKU-{sku}")).unwrap(), quantity);
    PickOrder {
        id: OrderId::parse(format!("ord_{id}")).unwrap(),
        placed_at: format!("2026-05-26T14:2{}:00.000Z", placed % 5),
        lines: lines.into_iter().map(line).collect(),
    }
}

fn orders() -> impl Strategy<Value = Vec<PickOrder>> {
    let lines = prop::collection::btree_map(0..60_u8, 1..=1000_u32, 1..=50);
    let order = (0..400_u16, any::<u8>(), lines).prop_map(order);
    let unique = |orders: Vec<PickOrder>| orders.into_iter().map(|order| (order.id.clone(), order)).collect();
    prop::collection::vec(order, 0..250).prop_map(move |orders| {
        let unique: BTreeMap<_, _> = unique(orders);
        unique.into_values().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pages_contain_every_order_once_and_every_piece(orders in orders()) {
        let pages = pages(orders.clone());
        for (number, page) in (1..).zip(&pages) {
            prop_assert_eq!(page.validate(), Ok(()));
            prop_assert_eq!(page.page, number);
        }
        let mut naive: Vec<_> = orders.iter().map(|order| (order.placed_at.clone(), order.id.clone())).collect();
        naive.sort();
        let listed: Vec<_> = pages.iter().flat_map(|page| page.order_ids.clone()).collect();
        prop_assert_eq!(listed, naive.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
        for order in &orders {
            let page = pages.iter().find(|page| page.order_ids.contains(&order.id)).unwrap();
            let skus: Vec<_> = page.picks.iter().filter(|pick| pick.order_ids.contains(&order.id)).map(|pick| &pick.sku).collect();
            let mut wanted: Vec<_> = order.lines.iter().map(|(sku, _)| sku).collect();
            wanted.sort();
            prop_assert_eq!(skus, wanted);
        }
        let mut pieces: BTreeMap<Sku, u32> = BTreeMap::new();
        for (sku, quantity) in orders.iter().flat_map(|order| &order.lines) {
            *pieces.entry(sku.clone()).or_default() += quantity;
        }
        let mut picked: BTreeMap<Sku, u32> = BTreeMap::new();
        for pick in pages.iter().flat_map(|page| &page.picks) {
            *picked.entry(pick.sku.clone()).or_default() += pick.quantity;
        }
        prop_assert_eq!(picked, pieces);
    }

    #[test]
    fn pages_do_not_depend_on_the_sequence_of_the_orders(orders in orders()) {
        let backwards: Vec<_> = orders.iter().rev().cloned().collect();
        prop_assert_eq!(pages(orders), pages(backwards));
    }
}

/// The size that DynamoDB counts: names and values, and some bytes for each list, map and member
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>, 2026-11-21).
fn bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + bytes(value)).sum::<usize>(),
        AttributeValue::M(fields) => 3 + size(fields) + fields.len(),
        _ => 21,
    }
}

fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + bytes(value)).sum()
}

#[test]
fn largest_page_with_its_outbox_fits_into_an_item() {
    let long = |n: usize| format!("{n:064}");
    let order = |n: usize| PickOrder {
        id: OrderId::parse(long(n)).unwrap(),
        placed_at: String::new(),
        lines: (0..50).map(|line| (Sku::parse(long(50 * n + line)).unwrap(), 1000)).collect(),
    };
    let pages = pages((0..21).map(order).collect());
    assert_eq!(pages.iter().map(PickWaveReleased::line_count).collect::<Vec<_>>(), [PickWaveReleased::MAX_LINES, 50]);
    let row = row(&pages[0]).into_item();
    let cause = Cause { correlation_id: CorrelationId::parse("x").unwrap(), causation_id: None, traceparent: None };
    let envelope = Envelope::new(pages[0].clone(), 1, "warehouse", released_at(), cause).unwrap();
    let outbox = OutboxEntry::to_attribute(&[envelope.into_outbox_entry().unwrap()]).unwrap();
    let whole = size(&row) + outbox.len() + 200;
    assert!(whole < 400 * 1024, "{whole} bytes");
}
