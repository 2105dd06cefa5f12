//! Runs of the job: interrupted, concurrent, repeated and missed.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::task::Poll;

use futures_util::future::join_all;
use jiff::SignedDuration;
use warehouse::Wave;

use super::fixture::{FIRST_WAVE, WarehouseFixture, flagged, in_wave, mug_order, order_placed};
use crate::support::TestStack;

/// Polls a future at most `at - 1` times; none if it is not ready by then.
async fn interrupt_at<F: Future>(at: usize, future: F) -> Option<F::Output> {
    let (mut future, mut left) = (Box::pin(future), at);
    poll_fn(move |context| {
        left = left.saturating_sub(1);
        if left == 0 { Poll::Ready(None) } else { future.as_mut().poll(context).map(Some) }
    })
    .await
}

#[tokio::test]
async fn interrupted_run_resumes_and_emits_each_page_once() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    let products: Vec<String> = (0..50).map(|n| format!("SKU-{n}")).collect();
    let lines: Vec<_> = products.iter().map(|sku| (sku.as_str(), 2)).collect();
    let ids: Vec<String> = (0..200).map(|n| format!("ord_{n:03}")).collect();
    fixture.apply(&ids.iter().map(|id| order_placed(id, &lines)).collect::<Vec<_>>()).await;
    fixture.advance_waves(1);
    let (mut cuts, mut pages) = (0, BTreeSet::new());
    while Box::pin(interrupt_at(1 + 2 * cuts, fixture.run_job())).await.is_none() {
        pages.insert(fixture.pages().await.len());
        // A flag between two runs holds its pick if the wave is still open. Then time passes.
        fixture.apply(&ids.get(cuts).map(|id| flagged(id)).into_iter().collect::<Vec<_>>()).await;
        fixture.clock.set(fixture.clock.now() + SignedDuration::from_secs(1));
        cuts += 1;
    }
    let released = fixture.waves_by_order().await;
    for id in &ids {
        let is_held = fixture.hold(id).await.is_some_and(|hold| hold.held);
        assert_eq!(released.contains_key(id), !is_held, "{id}");
    }
    let facts = fixture.pages().await;
    assert!(
        pages.range(1..facts.len()).next().is_some(),
        "none of {cuts} interruptions was between two pages: {pages:?}"
    );
    assert!(facts.iter().all(|fact| fact.released_at == facts[0].released_at), "one wave was released twice");
}

#[tokio::test]
async fn concurrent_and_repeated_runs_emit_each_page_once() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    fixture.apply(&(0..120).map(|n| mug_order(&format!("ord_{n}"))).collect::<Vec<_>>()).await;
    fixture.advance_waves(1);
    let runs = join_all((0..4).map(|_| fixture.run_job())).await;
    assert!(runs.iter().all(Result::is_ok), "{runs:?}");
    let once = fixture.harness.logical_rows().await;
    assert_eq!(fixture.pages().await.len(), 2);
    fixture.advance_waves(3);
    fixture.run_job().await.unwrap();
    assert_eq!(fixture.waves_by_order().await.len(), 120);
    let twice = fixture.harness.logical_rows().await;
    let changed: Vec<_> =
        twice.iter().filter(|(key, row)| once.get(*key) != Some(*row)).map(|(key, _)| &key.sk).collect();
    assert_eq!(changed, ["CURSOR"]);
}

#[tokio::test]
async fn next_run_releases_all_waves_since_last_run() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::without_earlier_runs(&stack).await;
    fixture.apply(&[mug_order("ord_0")]).await;
    fixture.advance_waves(1);
    fixture.run_job().await.unwrap();
    let mut expected = in_wave(&["ord_0"], FIRST_WAVE);
    for (n, waves) in [1, 30, 600].into_iter().enumerate() {
        fixture.advance_waves(waves);
        let id = format!("ord_{}", n + 1);
        fixture.apply(&[mug_order(&id)]).await;
        expected.insert(id, Wave::from_timestamp(fixture.clock.now()).to_string());
    }
    fixture.advance_waves(1);
    fixture.run_job().await.unwrap();
    assert_eq!(fixture.waves_by_order().await, expected);
}

#[tokio::test]
async fn wave_empty_at_its_end_is_checked_again() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    let run = async |now: &str| fixture.run_job_at(now.parse().unwrap()).await.unwrap()["until"].clone();
    assert_eq!(run("2026-05-26T14:25:00Z").await, FIRST_WAVE);
    // From a worker whose clock is less than five minutes late.
    fixture.apply(&[mug_order("ord_1")]).await;
    assert_eq!(run("2026-05-26T14:29:59Z").await, "20260526T1425Z");
    assert_eq!(fixture.waves_by_order().await, in_wave(&["ord_1"], FIRST_WAVE));
    assert_eq!(run("2026-05-26T14:35:00Z").await, "20260526T1430Z");
    assert_eq!(run("2026-05-26T14:40:00Z").await, "20260526T1435Z");
}
