//! Runs of the job: interrupted, concurrent and repeated.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::task::Poll;

use futures_util::future::join_all;

use super::fixture::{WarehouseFixture, confirmed, mug_order, order_placed};
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
async fn interrupted_runs_list_every_pick_once() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    let products: Vec<String> = (0..50).map(|n| format!("SKU-{n}")).collect();
    let lines: Vec<_> = products.iter().map(|sku| (sku.as_str(), 2)).collect();
    let ids: Vec<String> = (0..200).map(|n| format!("ord_{n:03}")).collect();
    fixture.apply(&ids.iter().flat_map(|id| [order_placed(id, &lines), confirmed(id)]).collect::<Vec<_>>()).await;
    let (mut cuts, mut pages) = (0, BTreeSet::new());
    while Box::pin(interrupt_at(1 + 4 * cuts, fixture.run_job())).await.is_none() {
        pages.insert(fixture.pages().await.len());
        cuts += 1;
    }
    assert_eq!(fixture.listed().await, ids);
    let count = fixture.pages().await.len();
    assert!(pages.range(1..count).next().is_some(), "none of {cuts} interruptions was between two pages: {pages:?}");
}

#[tokio::test]
async fn concurrent_and_repeated_runs_list_every_pick_once() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    let bodies = (0..120).map(|n| format!("ord_{n}")).flat_map(|id| [mug_order(&id), confirmed(&id)]);
    fixture.apply(&bodies.collect::<Vec<_>>()).await;
    let runs = join_all((0..4).map(|_| fixture.run_job())).await;
    assert!(runs.iter().all(Result::is_ok), "{runs:?}");
    assert_eq!(fixture.listed().await.len(), 120);
    let once = fixture.harness.logical_rows().await;
    fixture.run_job().await.unwrap();
    assert_eq!(fixture.harness.logical_rows().await, once);
}
