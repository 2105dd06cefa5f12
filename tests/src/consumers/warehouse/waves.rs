//! Waves of picks: which order is in which wave, and the released pages.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::{join, join_all};
use switchyard_chassis::text_of;
use warehouse::{Wave, page_key};

use super::fixture::{FIRST_WAVE, WarehouseFixture, apply_batch, end_of, first_wave, mug_order, order_placed};
use crate::support::TestStack;

/// An order id and its lines.
type Order = (String, [(&'static str, u32); 2]);

/// A batch of a worker.
fn batch(worker: u32, batch: u32) -> Vec<Order> {
    let order = |n: u32| {
        let other = ["TEA-07", "PEN-02", "CUP-11"][n as usize % 3];
        (format!("ord_{worker}.{batch}.{n}"), [("MUG-01", 1), (other, 1 + batch)])
    };
    (0..=(worker + batch) % 5).map(order).collect()
}

#[tokio::test]
async fn concurrent_closing_lists_every_pick_exactly_once() {
    const CLOSINGS: u32 = 6;
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    let closed = Cell::new(0);
    let pour = async |number: u32| {
        let (worker, mut orders) = (fixture.worker(), Vec::new());
        for n in 0.. {
            if n >= 10 && closed.get() == CLOSINGS {
                break;
            }
            let batch = batch(number, n);
            apply_batch(&worker, &batch.iter().map(|(id, lines)| order_placed(id, lines)).collect::<Vec<_>>()).await;
            orders.extend(batch);
        }
        orders
    };
    // Two concurrent runs, before the workers' clock reaches the end of the wave, so that every closing meets picks.
    let close = async {
        while closed.get() < CLOSINGS {
            tokio::time::sleep(Duration::from_millis(30)).await;
            let over = end_of(Wave::from_timestamp(fixture.clock.now()));
            let (one, other) = Box::pin(join(fixture.run_job_at(over), fixture.run_job_at(over))).await;
            assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
            tokio::time::sleep(Duration::from_millis(30)).await;
            fixture.advance_waves(1);
            closed.set(closed.get() + 1);
        }
    };
    let (orders, ()) = Box::pin(join(join_all((0..8).map(pour)), close)).await;
    fixture.advance_waves(20);
    fixture.run_job().await.unwrap();

    let orders: Vec<_> = orders.concat();
    let released = fixture.waves_by_order().await;
    let ids: BTreeSet<_> = orders.iter().map(|(id, _)| id).collect();
    assert_eq!(released.keys().collect::<BTreeSet<_>>(), ids);
    let waves: BTreeSet<_> = released.values().collect();
    assert!(waves.len() > 3, "too few waves for this test: {waves:?}");
    let mut ordered: BTreeMap<String, u32> = BTreeMap::new();
    for (sku, quantity) in orders.iter().flat_map(|(_, lines)| lines) {
        *ordered.entry((*sku).to_owned()).or_default() += quantity;
    }
    let mut picked: BTreeMap<String, u32> = BTreeMap::new();
    for pick in fixture.pages().await.iter().flat_map(|fact| &fact.picks) {
        *picked.entry(pick.sku.to_string()).or_default() += pick.quantity;
    }
    assert_eq!(picked, ordered);
}

#[tokio::test]
async fn order_in_closed_wave_joins_next_wave() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    fixture.apply(&[mug_order("ord_1")]).await;
    fixture.run_job_at(end_of(first_wave())).await.unwrap();
    // By its own clock the consumer is still in the closed wave. One of the two messages is a duplicate.
    fixture.apply(&[mug_order("ord_1"), mug_order("ord_2")]).await;
    fixture.advance_waves(2);
    fixture.run_job().await.unwrap();
    let expected = [("ord_1".to_owned(), FIRST_WAVE.to_owned()), ("ord_2".to_owned(), "20260526T1425Z".to_owned())];
    assert_eq!(fixture.waves_by_order().await, expected.into());
}

#[tokio::test]
async fn large_wave_is_paged_and_grouped_by_product() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    let order = |n: u32| order_placed(&format!("ord_{n:03}"), &[("MUG-01", 2), (&format!("SKU-{}", n % 7), n + 1)]);
    fixture.apply(&(0..200).map(order).collect::<Vec<_>>()).await;
    fixture.advance_waves(1);
    let did = fixture.run_job().await.unwrap();
    let wave = serde_json::json!({"wave": FIRST_WAVE, "orders": 200, "held": 0, "pages": 3});
    assert_eq!(did["released"], serde_json::json!([wave]));
    assert_eq!(fixture.waves_by_order().await.len(), 200);
    let facts = fixture.pages().await;
    assert_eq!(facts.iter().map(|fact| fact.order_ids.len()).collect::<Vec<_>>(), [90, 90, 20]);
    for fact in &facts {
        let mug = fact.picks.iter().find(|pick| pick.sku.as_str() == "MUG-01").unwrap();
        assert_eq!((mug.quantity as usize, &mug.order_ids), (2 * fact.order_ids.len(), &fact.order_ids));
        assert_eq!((fact.picks.len(), fact.released_at), (8, fixture.clock.now()));
        // The row in the table has the same picks as the event.
        let key = page_key(first_wave(), fact.page);
        let row = fixture.row(&key.pk, &key.sk).await.unwrap();
        let picks = row["picks"].as_l().unwrap().iter().map(|pick| pick.as_m().unwrap());
        let picks: Vec<_> =
            picks.map(|pick| (text_of(pick, "sku").unwrap(), pick["quantity"].as_n().unwrap().clone())).collect();
        let in_event: Vec<_> = fact.picks.iter().map(|pick| (pick.sku.as_str(), pick.quantity.to_string())).collect();
        assert_eq!(picks, in_event);
    }
}

#[tokio::test]
async fn batch_of_orders_costs_one_transaction_and_no_read() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    let worker = fixture.worker();
    let bodies: Vec<_> = (0..11).map(|n| order_placed(&format!("ord_{n}"), &[("A", 1), ("B", 2), ("C", 3)])).collect();
    apply_batch(&worker, &bodies[..10]).await;
    assert_eq!((worker.cost().calls, worker.cost().units), (1, 22.0));
    apply_batch(&worker, &bodies[10..]).await;
    assert_eq!((worker.cost().calls, worker.cost().units), (1, 4.0));
}
