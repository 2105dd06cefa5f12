//! Events that occur between a handler's reads and its write.

use std::cell::RefCell;

use futures_util::future::LocalBoxFuture;
use switchyard_chassis::{Batch, Consumer, Effects, Failure, Received};
use warehouse::{Hold, Warehouse, WarehouseEvent, Wave};

use super::fixture::{
    FIRST_WAVE, WarehouseFixture, apply_batch, confirmed, end_of, first_wave, flagged, in_wave, mug_order,
};
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

    async fn close(&self, wave: Wave) {
        self.run_job_at(end_of(wave)).await.unwrap();
    }
}

fn second_wave() -> Wave {
    first_wave().next()
}

#[tokio::test]
async fn order_written_after_wave_closes_joins_next_wave() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    fixture.apply(&[mug_order("ord_1")]).await;
    fixture.apply_interrupted_by(mug_order("ord_2"), async || fixture.close(first_wave()).await).await;
    assert_eq!(fixture.waves_by_order().await, in_wave(&["ord_1"], FIRST_WAVE));
    fixture.close(second_wave()).await;
    assert_eq!(fixture.waves_by_order().await["ord_2"], second_wave().to_string());
}

#[tokio::test]
async fn flag_written_after_wave_closes_is_too_late() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    fixture.apply(&[mug_order("ord_1")]).await;
    fixture.apply_interrupted_by(flagged("ord_1"), async || fixture.close(first_wave()).await).await;
    assert_eq!(fixture.hold("ord_1").await, Some(Hold { sequence: 2, too_late: true, ..Hold::default() }));
    assert_eq!(fixture.waves_by_order().await, in_wave(&["ord_1"], FIRST_WAVE));
}

#[tokio::test]
async fn flag_written_after_order_holds_pick_or_is_too_late() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    fixture.apply_interrupted_by(flagged("held"), async || fixture.apply(&[mug_order("held")]).await).await;
    let come_and_go = async || {
        fixture.apply(&[mug_order("gone")]).await;
        fixture.close(first_wave()).await;
    };
    fixture.apply_interrupted_by(flagged("gone"), come_and_go).await;
    assert_eq!(fixture.waves_by_order().await, in_wave(&["gone"], FIRST_WAVE));
    assert_eq!(fixture.hold("held").await, Some(Hold { sequence: 2, held: true, ..Hold::default() }));
    assert_eq!(fixture.hold("gone").await, Some(Hold { sequence: 2, too_late: true, ..Hold::default() }));
}

#[tokio::test]
async fn review_written_after_wave_closes_moves_pick_to_next() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    fixture.apply(&[mug_order("ord_1"), flagged("ord_1"), mug_order("ord_2")]).await;
    fixture.apply_interrupted_by(confirmed("ord_1"), async || fixture.close(first_wave()).await).await;
    assert_eq!(fixture.waves_by_order().await, in_wave(&["ord_2"], FIRST_WAVE));
    let moved_to = Some(second_wave());
    assert_eq!(fixture.hold("ord_1").await, Some(Hold { sequence: 3, moved_to, ..Hold::default() }));
    fixture.close(second_wave()).await;
    assert_eq!(fixture.waves_by_order().await["ord_1"], second_wave().to_string());
}

#[tokio::test]
async fn reviewed_pick_skips_wave_that_closes_before_write() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    fixture.apply(&[mug_order("ord_1"), flagged("ord_1")]).await;
    fixture.close(first_wave()).await;
    fixture.advance_waves(1);
    fixture.apply(&[mug_order("ord_2")]).await;
    fixture.apply_interrupted_by(confirmed("ord_1"), async || fixture.close(second_wave()).await).await;
    fixture.close(second_wave().next()).await;
    let released =
        [("ord_1".to_owned(), second_wave().next().to_string()), ("ord_2".to_owned(), second_wave().to_string())];
    assert_eq!(fixture.waves_by_order().await, released.into());
}

#[tokio::test]
async fn concurrent_flag_and_review_keep_later_sequence() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    fixture.apply(&[mug_order("ord_1")]).await;
    fixture.apply_interrupted_by(flagged("ord_1"), async || fixture.apply(&[confirmed("ord_1")]).await).await;
    assert_eq!(fixture.hold("ord_1").await, Some(Hold { sequence: 3, ..Hold::default() }));
}
