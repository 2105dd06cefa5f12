//! Events that occur between a handler's reads and its write.

use std::cell::{Cell, RefCell};

use futures_util::future::{LocalBoxFuture, join};
use switchyard_chassis::{Batch, Consumer, Effects, Failure, Received};
use warehouse::{Warehouse, WarehouseEvent};

use super::fixture::{WarehouseFixture, apply_batch, cancellation, confirmed, mug_order};
use crate::support::{DEDUP, TestStack};

/// The consumer, interrupted after its decision and before its write.
struct Interrupted<'a> {
    by: RefCell<Option<LocalBoxFuture<'a, ()>>>,
}

impl Consumer for Interrupted<'_> {
    const NAME: &'static str = Warehouse::NAME;
    type Event = WarehouseEvent;

    async fn handle(&self, event: &Received<WarehouseEvent>, effects: &mut Effects) -> Result<(), Failure> {
        Warehouse.handle(event, effects).await?;
        let interruption = self.by.take();
        if let Some(interruption) = interruption {
            interruption.await;
        }
        Ok(())
    }
}

impl WarehouseFixture {
    /// Applies a body; the interruption runs between its reads and its write.
    async fn apply_interrupted_by(&self, body: String, interruption: impl AsyncFnOnce()) {
        let consumer = Interrupted { by: RefCell::new(Some(Box::pin(interruption()))) };
        let (table, queue) = (self.table.clone(), self.harness.queue.clone());
        apply_batch(&Batch::transactional(consumer, table, queue, DEDUP, self.clock.clone()), &[body]).await;
    }
}

#[tokio::test]
async fn pick_listed_before_withdrawal_is_written_is_refused() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    fixture.place_and_confirm(&["ord_1"]).await;
    let list = async || drop(fixture.run_job().await.unwrap());
    fixture.apply_interrupted_by(cancellation("ord_1"), list).await;
    assert_eq!(fixture.answer("ord_1").await, Some(("PickWithdrawalRefused".into(), String::new())));
    assert_eq!(fixture.listed().await, ["ord_1"]);
}

#[tokio::test]
async fn confirmation_written_during_withdrawal_lists_nothing() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    fixture.apply(&[mug_order("ord_1"), mug_order("ord_2")]).await;
    fixture.apply_interrupted_by(cancellation("ord_1"), async || fixture.apply(&[confirmed("ord_1")]).await).await;
    fixture.apply_interrupted_by(confirmed("ord_2"), async || fixture.apply(&[cancellation("ord_2")]).await).await;
    fixture.run_job().await.unwrap();
    assert_eq!(fixture.listed().await, Vec::<String>::new());
    for id in ["ord_1", "ord_2"] {
        assert_eq!(fixture.answer(id).await, Some(("PickWithdrawn".into(), "requested".into())));
    }
}

/// Withdrawals and two runs of the job at a time. Each order ends on one list or is withdrawn, and the answer says which.
#[tokio::test]
async fn races_of_withdrawal_and_listing_have_one_result() {
    const RACES: usize = 200;
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    let ids: Vec<String> = (0..RACES).map(|n| format!("ord_{n:03}")).collect();
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    fixture.place_and_confirm(&names).await;
    let (worker, next) = (fixture.worker(), Cell::new(0));
    let cancel = async {
        for id in &ids {
            apply_batch(&worker, &[cancellation(id)]).await;
            next.set(next.get() + 1);
        }
    };
    // The list takes the orders from the end while the withdrawals begin at the start, so they meet.
    let list = async {
        while next.get() < RACES / 3 {
            tokio::task::yield_now().await;
        }
        let (one, other) = join(fixture.run_job(), fixture.run_job()).await;
        assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    };
    Box::pin(join(cancel, list)).await;
    let listed = fixture.listed().await;
    assert!((1..RACES).contains(&listed.len()), "the two did not meet: {} listed", listed.len());
    for id in &ids {
        let (answer, _) = fixture.answer(id).await.unwrap();
        let expected = if listed.contains(id) { "PickWithdrawalRefused" } else { "PickWithdrawn" };
        assert_eq!(answer, expected, "{id}");
    }
}
