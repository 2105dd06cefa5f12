//! Waves of picks: who is in which, and what is said about it.

mod deployed;
mod floor;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::{join, join_all};
use switchyard_chassis::conformance::{body, shown};
use switchyard_chassis::{Item, Value, text_of};
use warehouse::{Hold, Wave, list};

use crate::facts::{confirmed, flagged};
use crate::world::World;
use floor::{FIRST, Floor, NOW, end_of, hear, minutes, placed};

fn first() -> Wave {
    FIRST.parse().unwrap()
}

fn flag(id: &str) -> String {
    body(&flagged(id, NOW.parse().unwrap()))
}

fn confirm(id: &str) -> String {
    body(&confirmed(id, 3, NOW.parse().unwrap()))
}

fn mug(id: &str) -> String {
    placed(id, &[("MUG-01", 1)])
}

fn in_wave(orders: &[&str], wave: &str) -> BTreeMap<String, String> {
    orders.iter().map(|order| ((*order).to_owned(), wave.to_owned())).collect()
}

async fn hold(floor: &Floor, id: &str) -> Option<Hold> {
    floor.row(&format!("ORDER#{id}"), "HOLD").await.as_ref().and_then(Hold::of)
}

/// The batches of one worker, and what their orders ask for.
fn batches(worker: u32) -> Vec<Vec<(String, [(&'static str, u32); 2])>> {
    let order = |batch: u32, n: u32| {
        let other = ["TEA-07", "PEN-02", "CUP-11"][n as usize % 3];
        (format!("ord_{worker}.{batch}.{n}"), [("MUG-01", 1), (other, 1 + batch)])
    };
    (0..15).map(|batch| (0..=(worker + batch) % 5).map(|n| order(batch, n)).collect()).collect()
}

#[tokio::test]
async fn no_pick_is_lost_and_none_is_in_two_waves_while_waves_close_as_picks_pour_in() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    let workers: Vec<_> = (0..8).map(batches).collect();
    let working = Cell::new(workers.len());
    let pour = async |batches: &Vec<Vec<(String, [(&str, u32); 2])>>| {
        let picker = floor.picker();
        for batch in batches {
            hear(&picker, &batch.iter().map(|(id, lines)| placed(id, lines)).collect::<Vec<_>>()).await;
        }
        working.set(working.get() - 1);
    };
    // Two runs at once, and before the pickers' clock says that the wave is over: so every closing meets picks.
    let close = async {
        while working.get() > 0 {
            tokio::time::sleep(Duration::from_millis(30)).await;
            let over = end_of(Wave::of(floor.clock.now()));
            let (one, other) = join(floor.release_at(over), floor.release_at(over)).await;
            assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
            tokio::time::sleep(Duration::from_millis(30)).await;
            floor.wait(1);
        }
    };
    join(join_all(workers.iter().map(pour)), close).await;
    floor.wait(20);
    floor.release().await.unwrap();

    let orders: Vec<_> = workers.iter().flatten().flatten().collect();
    let released = floor.released().await;
    let ids: BTreeSet<_> = orders.iter().map(|(id, _)| id).collect();
    assert_eq!(released.keys().collect::<BTreeSet<_>>(), ids);
    let waves: BTreeSet<_> = released.values().collect();
    assert!(waves.len() > 3, "too few closings to show anything: {waves:?}");
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
async fn a_flag_holds_the_pick_whether_it_comes_before_or_after_the_order() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&[mug("after")]).await;
    floor.hears(&[flag("after"), flag("before")]).await;
    floor.hears(&[mug("before"), mug("ordinary")]).await;
    floor.hears(&[mug("same_batch"), flag("same_batch")]).await;
    for waves in [1, 3] {
        floor.wait(waves);
        floor.release().await.unwrap();
        assert_eq!(floor.released().await, in_wave(&["ordinary"], FIRST));
    }
    for id in ["after", "before", "same_batch"] {
        assert_eq!(hold(&floor, id).await, Some(Hold { sequence: 2, held: true, ..Hold::default() }), "{id}");
    }
}

#[tokio::test]
async fn a_review_releases_a_held_pick_into_the_wave_that_is_open_then() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&[mug("ord_1"), mug("ord_2"), mug("ord_3")]).await;
    floor.hears(&[flag("ord_1"), flag("ord_2")]).await;
    // Its own wave is still open.
    floor.hears(&[confirm("ord_2")]).await;
    floor.wait(1);
    floor.release().await.unwrap();
    assert_eq!(floor.released().await, in_wave(&["ord_2", "ord_3"], FIRST));
    floor.wait(100);
    floor.hears(&[confirm("ord_1"), confirm("ord_1"), flag("ord_1")]).await;
    let open = Wave::of(floor.clock.now());
    assert_eq!(hold(&floor, "ord_1").await, Some(Hold { sequence: 3, moved: Some(open), ..Hold::default() }));
    floor.release().await.unwrap();
    assert_eq!(floor.released().await.len(), 2, "its wave is still open");
    floor.wait(1);
    floor.release().await.unwrap();
    assert_eq!(floor.released().await.get("ord_1"), Some(&open.to_string()));
}

#[tokio::test]
async fn a_review_that_meets_a_closing_wave_goes_to_the_next() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&[mug("ord_1")]).await;
    floor.hears(&[flag("ord_1")]).await;
    floor.release_at(end_of(first())).await.unwrap();
    floor.hears(&[confirm("ord_1")]).await;
    floor.wait(2);
    floor.release().await.unwrap();
    assert_eq!(floor.released().await, in_wave(&["ord_1"], "20260526T1425Z"));
}

#[tokio::test]
async fn every_order_of_arrival_ends_in_the_same_rows_and_the_same_list() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    let arrivals = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let facts = |id: &str| [mug(id), flag(id), confirm(id)];
    let rows = async |id: &str| {
        let rows = floor.table.query(&format!("ORDER#{id}"), "").await.unwrap();
        rows.iter().map(|row| says(row, id)).collect::<BTreeSet<_>>()
    };
    let mut ids = BTreeSet::new();
    for (n, arrival) in arrivals.iter().enumerate() {
        let (apart, together) = (format!("apart_{n}"), format!("together_{n}"));
        for fact in arrival {
            hear(&floor.picker(), &[facts(&apart)[*fact].clone()]).await;
        }
        hear(&floor.picker(), &arrival.map(|fact| facts(&together)[fact].clone())).await;
        for id in [apart, together] {
            assert_eq!(rows(&id).await, rows("apart_0").await, "{id}");
            ids.insert(id);
        }
    }
    floor.wait(1);
    floor.release().await.unwrap();
    assert_eq!(floor.released().await.into_keys().collect::<BTreeSet<_>>(), ids);
}

/// A row without its order's name, which event made it, and how often that was received.
fn says(row: &Item, id: &str) -> String {
    let mut row = row.clone();
    row.retain(|name, _| !["pk", "event_id"].contains(&name.as_str()));
    let event = text_of(&row, "sk").unwrap().starts_with("EVENT#");
    row.retain(|name, _| !event || name != "sk");
    shown(&Value::map(row).0).replace(id, "")
}

#[tokio::test]
async fn a_flag_that_comes_after_the_release_is_too_late_and_its_row_says_so() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&[mug("ord_1")]).await;
    floor.wait(1);
    floor.release().await.unwrap();
    floor.hears(&[flag("ord_1")]).await;
    assert_eq!(hold(&floor, "ord_1").await, Some(Hold { sequence: 2, too_late: true, ..Hold::default() }));
    floor.hears(&[confirm("ord_1")]).await;
    assert_eq!(hold(&floor, "ord_1").await, Some(Hold { sequence: 3, ..Hold::default() }));
    floor.wait(4);
    floor.release().await.unwrap();
    assert_eq!(floor.released().await, in_wave(&["ord_1"], FIRST));
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
        assert_eq!(
            (fact.picks.len(), fact.released_at),
            (8, end_of(first()) + minutes(3) + jiff::SignedDuration::from_secs(4))
        );
        // The row says the same to those who read the table.
        let key = list::page_key(first(), fact.page);
        let row = floor.row(&key.pk, &key.sk).await.unwrap();
        let picks = row["picks"].as_l().unwrap().iter().map(|pick| pick.as_m().unwrap());
        let picks: Vec<_> =
            picks.map(|pick| (text_of(pick, "sku").unwrap(), pick["quantity"].as_n().unwrap().clone())).collect();
        let told: Vec<_> = fact.picks.iter().map(|pick| (pick.sku.as_str(), pick.quantity.to_string())).collect();
        assert_eq!(picks, told);
    }
}

#[tokio::test]
async fn a_run_that_is_cut_off_anywhere_is_taken_up_by_the_next_and_each_page_leaves_once() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    let line = |n: u32| format!("SKU-{}", n % 30);
    let order = |n: u32| placed(&format!("ord_{n:03}"), &[(&line(n), 1), (&line(n + 1), 2)]);
    floor.hears(&(0..300).map(order).collect::<Vec<_>>()).await;
    floor.hears(&[flag("ord_007")]).await;
    floor.wait(1);
    let mut patience = Duration::from_millis(1);
    let mut cuts = 0;
    while tokio::time::timeout(patience, floor.release()).await.is_err() {
        cuts += 1;
        patience += Duration::from_millis(1 + fastrand::u64(..6));
        // Whatever comes between two runs finds the wave closed, or is in it.
        floor.hears(&[flag(&format!("ord_{:03}", 10 + cuts))]).await;
        floor.clock.set(floor.clock.now() + jiff::SignedDuration::from_secs(1));
    }
    assert!(cuts > 3, "only {cuts} cuts");
    let released = floor.released().await;
    let mut held = 0;
    for n in 0..300 {
        let id = format!("ord_{n:03}");
        let is_held = hold(&floor, &id).await.is_some_and(|hold| hold.held);
        held += usize::from(is_held);
        assert_eq!(released.contains_key(&id), !is_held, "{id}");
    }
    assert_eq!(released.len(), 300 - held);
    let times: BTreeSet<_> = floor.facts().await.into_iter().map(|fact| fact.released_at).collect();
    assert_eq!(times.len(), 1, "a wave is released once");
}

#[tokio::test]
async fn closing_a_wave_twice_or_at_once_says_so_once() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&(0..120).map(|n| mug(&format!("ord_{n}"))).collect::<Vec<_>>()).await;
    floor.wait(1);
    let runs = join_all((0..4).map(|_| floor.release())).await;
    assert!(runs.iter().all(Result::is_ok), "{runs:?}");
    let once = floor.bench.meaning().await;
    assert_eq!(floor.facts().await.len(), 2);
    floor.wait(3);
    floor.release().await.unwrap();
    assert_eq!(floor.released().await.len(), 120);
    let twice = floor.bench.meaning().await;
    let changed: Vec<_> =
        twice.iter().filter(|(key, row)| once.get(*key) != Some(*row)).map(|(key, _)| &key.sk).collect();
    assert_eq!(changed, ["CURSOR"]);
}

#[tokio::test]
async fn waves_of_a_time_without_runs_are_all_released_by_the_next() {
    let world = World::shared().await;
    let floor = Floor::new(&world).await;
    floor.hears(&[mug("ord_0")]).await;
    floor.wait(1);
    floor.release().await.unwrap();
    let mut expected = in_wave(&["ord_0"], FIRST);
    for (n, waves) in [1, 30, 600].into_iter().enumerate() {
        floor.wait(waves);
        let id = format!("ord_{}", n + 1);
        floor.hears(&[mug(&id)]).await;
        expected.insert(id, Wave::of(floor.clock.now()).to_string());
    }
    floor.wait(1);
    floor.release().await.unwrap();
    assert_eq!(floor.released().await, expected);
}

#[tokio::test]
async fn a_wave_that_was_empty_at_its_end_is_looked_at_again() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    let run = async |now: &str| floor.release_at(now.parse().unwrap()).await.unwrap()["until"].clone();
    assert_eq!(run("2026-05-26T14:25:00Z").await, FIRST);
    // By a clock that goes wrong by less than five minutes.
    floor.hears(&[mug("ord_1")]).await;
    assert_eq!(run("2026-05-26T14:29:59Z").await, "20260526T1425Z");
    assert_eq!(floor.released().await, in_wave(&["ord_1"], FIRST));
    assert_eq!(run("2026-05-26T14:35:00Z").await, "20260526T1430Z");
    assert_eq!(run("2026-05-26T14:40:00Z").await, "20260526T1435Z");
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
