//! Runs of the job: cut off, at once, too many and too few.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::task::Poll;

use futures_util::future::join_all;
use jiff::SignedDuration;
use warehouse::Wave;

use super::floor::{FIRST, Floor, flag, in_wave, mug, placed};
use crate::world::World;

/// The future's output, unless it is cut off at the so-many-th time that it could go on.
async fn cut_off<F: Future>(at: usize, future: F) -> Option<F::Output> {
    let (mut future, mut left) = (Box::pin(future), at);
    poll_fn(move |context| {
        left = left.saturating_sub(1);
        if left == 0 { Poll::Ready(None) } else { future.as_mut().poll(context).map(Some) }
    })
    .await
}

#[tokio::test]
async fn a_run_that_is_cut_off_anywhere_is_taken_up_by_the_next_and_each_page_leaves_once() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    let products: Vec<String> = (0..50).map(|n| format!("SKU-{n}")).collect();
    let lines: Vec<_> = products.iter().map(|sku| (sku.as_str(), 2)).collect();
    let ids: Vec<String> = (0..200).map(|n| format!("ord_{n:03}")).collect();
    floor.hears(&ids.iter().map(|id| placed(id, &lines)).collect::<Vec<_>>()).await;
    floor.wait(1);
    let (mut cuts, mut pages) = (0, BTreeSet::new());
    while Box::pin(cut_off(1 + 2 * cuts, floor.release())).await.is_none() {
        pages.insert(floor.facts().await.len());
        // What comes between two runs holds its pick if the wave is open still; and time goes on.
        floor.hears(&ids.get(cuts).map(|id| flag(id)).into_iter().collect::<Vec<_>>()).await;
        floor.clock.set(floor.clock.now() + SignedDuration::from_secs(1));
        cuts += 1;
    }
    let released = floor.released().await;
    for id in &ids {
        let is_held = floor.hold(id).await.is_some_and(|hold| hold.held);
        assert_eq!(released.contains_key(id), !is_held, "{id}");
    }
    let facts = floor.facts().await;
    assert!(pages.range(1..facts.len()).next().is_some(), "none of {cuts} cuts was between two pages: {pages:?}");
    assert!(facts.iter().all(|fact| fact.released_at == facts[0].released_at), "one wave was released twice");
}

#[tokio::test]
async fn closing_a_wave_twice_or_at_once_says_so_once() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&(0..120).map(|n| mug(&format!("ord_{n}"))).collect::<Vec<_>>()).await;
    floor.wait(1);
    let runs = join_all((0..4).map(|_| floor.release())).await;
    assert!(runs.iter().all(Result::is_ok), "{runs:?}");
    let once = floor.bench.logical_rows().await;
    assert_eq!(floor.facts().await.len(), 2);
    floor.wait(3);
    floor.release().await.unwrap();
    assert_eq!(floor.released().await.len(), 120);
    let twice = floor.bench.logical_rows().await;
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
        expected.insert(id, Wave::from_timestamp(floor.clock.now()).to_string());
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
