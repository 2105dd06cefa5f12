//! Waves of picks: who is in which, and what is said about it.

mod deployed;
mod floor;
mod holds;
mod races;
mod runs;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::{join, join_all};
use switchyard_chassis::text_of;
use warehouse::{Wave, pick_list};

use crate::world::World;
use floor::{FIRST, Floor, end_of, first, hear, mug, placed};

/// An order and what it asks for.
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
async fn no_pick_is_lost_and_none_is_in_two_waves_while_waves_close_as_picks_pour_in() {
    const CLOSINGS: u32 = 6;
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    let closed = Cell::new(0);
    let pour = async |worker: u32| {
        let (picker, mut orders) = (floor.picker(), Vec::new());
        for n in 0.. {
            if n >= 10 && closed.get() == CLOSINGS {
                break;
            }
            let batch = batch(worker, n);
            hear(&picker, &batch.iter().map(|(id, lines)| placed(id, lines)).collect::<Vec<_>>()).await;
            orders.extend(batch);
        }
        orders
    };
    // Two runs at once, and before the pickers' clock says that the wave is over: so every closing meets picks.
    let close = async {
        while closed.get() < CLOSINGS {
            tokio::time::sleep(Duration::from_millis(30)).await;
            let over = end_of(Wave::from_timestamp(floor.clock.now()));
            let (one, other) = Box::pin(join(floor.release_at(over), floor.release_at(over))).await;
            assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
            tokio::time::sleep(Duration::from_millis(30)).await;
            floor.wait(1);
            closed.set(closed.get() + 1);
        }
    };
    let (orders, ()) = Box::pin(join(join_all((0..8).map(pour)), close)).await;
    floor.wait(20);
    floor.release().await.unwrap();

    let orders: Vec<_> = orders.concat();
    let released = floor.released().await;
    let ids: BTreeSet<_> = orders.iter().map(|(id, _)| id).collect();
    assert_eq!(released.keys().collect::<BTreeSet<_>>(), ids);
    let waves: BTreeSet<_> = released.values().collect();
    assert!(waves.len() > 3, "too few waves to show anything: {waves:?}");
    let mut ordered: BTreeMap<String, u32> = BTreeMap::new();
    for (sku, quantity) in orders.iter().flat_map(|(_, lines)| lines) {
        *ordered.entry((*sku).to_owned()).or_default() += quantity;
    }
    let mut picked: BTreeMap<String, u32> = BTreeMap::new();
    for pick in floor.facts().await.iter().flat_map(|fact| &fact.picks) {
        *picked.entry(pick.sku.to_string()).or_default() += pick.quantity;
    }
    assert_eq!(picked, ordered);
}

#[tokio::test]
async fn a_pick_that_meets_a_closed_wave_goes_to_the_next() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&[mug("ord_1")]).await;
    floor.release_at(end_of(first())).await.unwrap();
    // By its own clock the consumer is still in the wave that is closed; one of the two is a duplicate.
    floor.hears(&[mug("ord_1"), mug("ord_2")]).await;
    floor.wait(2);
    floor.release().await.unwrap();
    let expected = [("ord_1".to_owned(), FIRST.to_owned()), ("ord_2".to_owned(), "20260526T1425Z".to_owned())];
    assert_eq!(floor.released().await, expected.into());
}

#[tokio::test]
async fn a_big_wave_is_released_in_pages_grouped_by_product() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    let order = |n: u32| placed(&format!("ord_{n:03}"), &[("MUG-01", 2), (&format!("SKU-{}", n % 7), n + 1)]);
    floor.hears(&(0..200).map(order).collect::<Vec<_>>()).await;
    floor.wait(1);
    let did = floor.release().await.unwrap();
    let wave = serde_json::json!({"wave": FIRST, "orders": 200, "held": 0, "pages": 3});
    assert_eq!(did["released"], serde_json::json!([wave]));
    assert_eq!(floor.released().await.len(), 200);
    let facts = floor.facts().await;
    assert_eq!(facts.iter().map(|fact| fact.order_ids.len()).collect::<Vec<_>>(), [90, 90, 20]);
    for fact in &facts {
        let mug = fact.picks.iter().find(|pick| pick.sku.as_str() == "MUG-01").unwrap();
        assert_eq!((mug.quantity as usize, &mug.order_ids), (2 * fact.order_ids.len(), &fact.order_ids));
        assert_eq!((fact.picks.len(), fact.released_at), (8, floor.clock.now()));
        // The row says the same to those who read the table.
        let key = pick_list::page_key(first(), fact.page);
        let row = floor.row(&key.pk, &key.sk).await.unwrap();
        let picks = row["picks"].as_l().unwrap().iter().map(|pick| pick.as_m().unwrap());
        let picks: Vec<_> =
            picks.map(|pick| (text_of(pick, "sku").unwrap(), pick["quantity"].as_n().unwrap().clone())).collect();
        let told: Vec<_> = fact.picks.iter().map(|pick| (pick.sku.as_str(), pick.quantity.to_string())).collect();
        assert_eq!(picks, told);
    }
}

#[tokio::test]
async fn an_ordinary_order_costs_its_share_of_one_transaction_and_no_read() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    let picker = floor.picker();
    let bodies: Vec<_> = (0..11).map(|n| placed(&format!("ord_{n}"), &[("A", 1), ("B", 2), ("C", 3)])).collect();
    hear(&picker, &bodies[..10]).await;
    assert_eq!((picker.cost().calls, picker.cost().units), (1, 22.0));
    hear(&picker, &bodies[10..]).await;
    assert_eq!((picker.cost().calls, picker.cost().units), (1, 4.0));
}
