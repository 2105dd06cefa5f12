//! What happens between a handler's reads and its write.

use std::cell::RefCell;

use futures_util::future::LocalBoxFuture;
use switchyard_chassis::{Batch, Consumer, Effects, Failure, Received};
use warehouse::{Hold, Warehouse, WarehouseEvent, Wave};

use super::floor::{FIRST, Floor, MEMORY, confirm, end_of, first, flag, hear, in_wave, mug};
use crate::world::World;

/// The consumer, and something that happens when it has decided and not yet written.
struct Interrupted<'a> {
    by: RefCell<Option<LocalBoxFuture<'a, ()>>>,
}

impl Consumer for Interrupted<'_> {
    const NAME: &'static str = Warehouse::NAME;
    type Event = WarehouseEvent;

    async fn handle(&self, heard: &Received<WarehouseEvent>, effects: &mut Effects) -> Result<(), Failure> {
        Warehouse.handle(heard, effects).await?;
        let interruption = self.by.take();
        if let Some(interruption) = interruption {
            interruption.await;
        }
        Ok(())
    }
}

impl Floor {
    /// Hears this while that happens.
    async fn hears_while(&self, body: String, happens: impl AsyncFnOnce()) {
        let consumer = Interrupted { by: RefCell::new(Some(Box::pin(happens()))) };
        let (table, queue) = (self.table.clone(), self.bench.queue.clone());
        hear(&Batch::transactional(consumer, table, queue, MEMORY, self.clock.clone()), &[body]).await;
    }

    async fn close(&self, wave: Wave) {
        self.release_at(end_of(wave)).await.unwrap();
    }
}

fn second() -> Wave {
    first().next()
}

#[tokio::test]
async fn an_order_whose_wave_closes_before_it_is_written_goes_to_the_next() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&[mug("ord_1")]).await;
    floor.hears_while(mug("ord_2"), async || floor.close(first()).await).await;
    assert_eq!(floor.released().await, in_wave(&["ord_1"], FIRST));
    floor.close(second()).await;
    assert_eq!(floor.released().await["ord_2"], second().to_string());
}

#[tokio::test]
async fn a_flag_whose_wave_closes_before_it_is_written_is_too_late() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&[mug("ord_1")]).await;
    floor.hears_while(flag("ord_1"), async || floor.close(first()).await).await;
    assert_eq!(floor.hold("ord_1").await, Some(Hold { sequence: 2, too_late: true, ..Hold::default() }));
    assert_eq!(floor.released().await, in_wave(&["ord_1"], FIRST));
}

#[tokio::test]
async fn a_flag_before_whose_write_its_order_comes_holds_it_or_is_too_late() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears_while(flag("held"), async || floor.hears(&[mug("held")]).await).await;
    let come_and_go = async || {
        floor.hears(&[mug("gone")]).await;
        floor.close(first()).await;
    };
    floor.hears_while(flag("gone"), come_and_go).await;
    assert_eq!(floor.released().await, in_wave(&["gone"], FIRST));
    assert_eq!(floor.hold("held").await, Some(Hold { sequence: 2, held: true, ..Hold::default() }));
    assert_eq!(floor.hold("gone").await, Some(Hold { sequence: 2, too_late: true, ..Hold::default() }));
}

#[tokio::test]
async fn a_review_whose_wave_closes_before_it_is_written_goes_to_the_next() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&[mug("ord_1"), flag("ord_1"), mug("ord_2")]).await;
    floor.hears_while(confirm("ord_1"), async || floor.close(first()).await).await;
    assert_eq!(floor.released().await, in_wave(&["ord_2"], FIRST));
    let moved_to = Some(second());
    assert_eq!(floor.hold("ord_1").await, Some(Hold { sequence: 3, moved_to, ..Hold::default() }));
    floor.close(second()).await;
    assert_eq!(floor.released().await["ord_1"], second().to_string());
}

#[tokio::test]
async fn a_pick_that_is_let_go_into_a_wave_that_closes_goes_to_the_one_after() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&[mug("ord_1"), flag("ord_1")]).await;
    floor.close(first()).await;
    floor.wait(1);
    floor.hears(&[mug("ord_2")]).await;
    floor.hears_while(confirm("ord_1"), async || floor.close(second()).await).await;
    floor.close(second().next()).await;
    let released = [("ord_1".to_owned(), second().next().to_string()), ("ord_2".to_owned(), second().to_string())];
    assert_eq!(floor.released().await, released.into());
}

#[tokio::test]
async fn of_two_decisions_at_once_the_later_one_stays() {
    let world = World::shared().await;
    let floor = Floor::open(&world).await;
    floor.hears(&[mug("ord_1")]).await;
    floor.hears_while(flag("ord_1"), async || floor.hears(&[confirm("ord_1")]).await).await;
    assert_eq!(floor.hold("ord_1").await, Some(Hold { sequence: 3, ..Hold::default() }));
}
