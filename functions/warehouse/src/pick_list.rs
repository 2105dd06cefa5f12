//! The pick list of a wave, in pages.

use std::collections::BTreeMap;

use jiff::Timestamp;
use switchyard_chassis::{Row, Value};
use switchyard_events::{OrderId, Pick, PickWaveReleased, Sku, WaveId};

use crate::keys::page_key;
use crate::pick::PickOrder;

/// Divides orders into pages, oldest order first. An order is never split.
///
/// A page is as large as its fact may be ([`PickWaveReleased::MAX_ORDERS`], [`PickWaveReleased::MAX_LINES`]). Its row contains it
/// twice: as a list and in the outbox.
pub fn fill_pages(mut orders: Vec<PickOrder>) -> Vec<Vec<PickOrder>> {
    orders.sort_by(|one, other| (&one.placed_at, &one.id).cmp(&(&other.placed_at, &other.id)));
    let mut pages: Vec<Vec<PickOrder>> = Vec::new();
    let mut lines = 0;
    for order in orders {
        lines += order.lines.len();
        match pages.last_mut() {
            Some(page) if page.len() < PickWaveReleased::MAX_ORDERS && lines <= PickWaveReleased::MAX_LINES => {
                page.push(order);
            }
            _ => {
                lines = order.lines.len();
                pages.push(vec![order]);
            }
        }
    }
    pages
}

/// The list of a page, and the number of pages so far.
pub fn page(
    wave_id: &WaveId,
    (number, pages): (u32, u32),
    released_at: Timestamp,
    orders: &[PickOrder],
) -> PickWaveReleased {
    PickWaveReleased {
        wave_id: wave_id.clone(),
        page: number,
        pages,
        released_at,
        order_ids: orders.iter().map(|order| order.id.clone()).collect(),
        picks: by_product(orders),
    }
}

/// The products of a page, with the orders that need them.
fn by_product(orders: &[PickOrder]) -> Vec<Pick> {
    let mut picks: BTreeMap<&Sku, (u32, Vec<OrderId>)> = BTreeMap::new();
    for order in orders {
        for (sku, quantity) in &order.lines {
            let (sum, order_ids) = picks.entry(sku).or_default();
            *sum += quantity;
            order_ids.push(order.id.clone());
        }
    }
    let pick = |(sku, (quantity, order_ids)): (&Sku, _)| Pick { sku: sku.clone(), quantity, order_ids };
    picks.into_iter().map(pick).collect()
}

/// The row of a page.
pub(crate) fn row(page: &PickWaveReleased) -> Row {
    let ids = |ids: &[OrderId]| Value::from(ids.iter().map(|id| id.as_str().into()).collect::<Vec<_>>());
    let pick = |pick: &Pick| {
        let (sku, quantity) = (pick.sku.as_str().into(), pick.quantity.into());
        Value::from([("sku", sku), ("quantity", quantity), ("order_ids", ids(&pick.order_ids))])
    };
    Row::new(page_key(&page.wave_id, page.page))
        .set("released_at", page.released_at)
        .set("order_ids", ids(&page.order_ids))
        .set("picks", page.picks.iter().map(pick).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
