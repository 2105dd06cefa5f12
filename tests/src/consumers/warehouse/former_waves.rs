//! Picks of version 0.1.0, whose rows name a wave of five minutes.

use switchyard_chassis::{Key, Row, Value};

use super::fixture::{WarehouseFixture, cancellation, confirmed, mug_order};
use crate::support::TestStack;

const WAVE: &str = "20260526T1420Z";

impl WarehouseFixture {
    /// The rows that such a version wrote: a pick of its wave, and the wave's list.
    async fn write_former_pick(&self, id: &str, wave: &str) {
        let key = Key::new(format!("ORDER#{id}"), "PICK");
        let row = self.table.get(&key).await.unwrap().unwrap();
        let mut old = Row::new(key).set("wave", wave);
        for name in ["lines", "placed_at", "event_id"] {
            old = old.set(name, Value(row[name].clone()));
        }
        self.table.put(old).await.unwrap();
    }

    async fn write_former_page(&self, wave: &str, page: u32, ids: &[&str]) {
        let ids: Vec<Value> = ids.iter().map(|id| (*id).into()).collect();
        let key = Key::new(format!("WAVE#{wave}"), format!("PAGE#{page:05}"));
        self.table.put(Row::new(key).set("order_ids", ids)).await.unwrap();
    }
}

#[tokio::test]
async fn former_pick_is_listed_once_and_withdrawn_before() {
    let stack = TestStack::shared().await;
    let fixture = WarehouseFixture::new(&stack).await;
    let ids = ["listed", "open", "withdrawn", "moved", "too_late"];
    fixture.apply(&ids.map(mug_order)).await;
    for id in ids {
        fixture.write_former_pick(id, WAVE).await;
    }
    // A run that was cut off has left a gap.
    fixture.write_former_page(WAVE, 1, &["other"]).await;
    fixture.write_former_page(WAVE, 4, &["listed", "too_late"]).await;
    // Held in its first wave, and listed in a later one.
    fixture.table.put(Row::new(Key::new("ORDER#moved", "HOLD")).set("wave", "20260526T1425Z")).await.unwrap();
    fixture.write_former_page("20260526T1425Z", 1, &["moved"]).await;

    fixture.apply(&[cancellation("withdrawn"), cancellation("too_late")]).await;
    assert_eq!(fixture.answer("withdrawn").await.unwrap().0, "PickWithdrawn");
    assert_eq!(fixture.answer("too_late").await.unwrap().0, "PickWithdrawalRefused");
    // The confirmations are replayed after the update.
    fixture.apply(&ids.map(confirmed)).await;
    fixture.run_job().await.unwrap();
    assert_eq!(fixture.listed().await, ["open"]);
    fixture.apply(&[cancellation("listed"), cancellation("moved")]).await;
    for id in ["listed", "moved"] {
        assert_eq!(fixture.answer(id).await.unwrap().0, "PickWithdrawalRefused", "{id}");
    }
    assert_eq!(fixture.run_job().await.unwrap()["orders"], 0);
}
