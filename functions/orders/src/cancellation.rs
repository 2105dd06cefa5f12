//! Cancelling an order: its status, the return of its stock and the fact, in one transaction.

use switchyard_chassis::{Condition, Effects, Failure, Update};
use switchyard_events::{OrderCancelled, OrderLine, PickWithdrawn};

use crate::keys::product_key;
use crate::status::{CANCELLED_STAGE, OrderStatus};
use crate::stored_order::{StoredOrder, order_key};

/// The sequence number of `OrderCancelled`.
const CANCELLED_SEQUENCE: u64 = 6;

/// Cancels an order whose pick is withdrawn.
pub(crate) async fn cancel(withdrawn: &PickWithdrawn, effects: &mut Effects) -> Result<(), Failure> {
    let PickWithdrawn { order_id, reason, .. } = withdrawn;
    let row = effects.read(order_key(order_id)).await?;
    let row = row.ok_or_else(|| Failure::reject("unknown_order", format!("{order_id} is not stored")))?;
    let order = StoredOrder::from_row(&row).map_err(|error| Failure::reject("bad_order", error))?.to_placed();
    let cancelled_at = effects.now();
    let status = OrderStatus::Cancelled.row(order_id, CANCELLED_STAGE, cancelled_at);
    effects.record(status.set("reason", reason.as_str()));
    for line in &order.items {
        return_stock(line, effects).await?;
    }
    effects.emit(OrderCancelled { order, reason: *reason, cancelled_at }, CANCELLED_SEQUENCE)
}

/// Adds a line's pieces to the stock. A product that is no longer in the catalog gets no row. Only a rerun, after that was the case,
/// reads the row: a read would make the events of a batch wait for each other.
async fn return_stock(line: &OrderLine, effects: &mut Effects) -> Result<(), Failure> {
    let key = product_key(&line.sku);
    if effects.is_rerun() && effects.read(key.clone()).await?.is_none() {
        tracing::warn!(sku = %line.sku, "the product of a cancelled order is no longer in the catalog; its stock is not returned");
        return Ok(());
    }
    effects.update(key, Update::new().add("stock", line.quantity.get()).when(Condition::present("stock")));
    Ok(())
}
