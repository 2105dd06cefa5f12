//! Runs of the job: cut off, at once, too many and too few.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::SignedDuration;
use warehouse::Wave;

use super::floor::{FIRST, Floor, flag, in_wave, mug, placed};
use crate::world::World;

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
        floor.clock.set(floor.clock.now() + SignedDuration::from_secs(1));
    }
    assert!(cuts > 3, "only {cuts} cuts");
    let released = floor.released().await;
    let mut held = 0;
    for n in 0..300 {
        let id = format!("ord_{n:03}");
        let is_held = floor.hold(&id).await.is_some_and(|hold| hold.held);
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
