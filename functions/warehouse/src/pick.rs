//! An order's pick: what it needs from the shelves, and which wave it came into.

use switchyard_chassis::{Failure, Item, Key, Row, Value, count_of, text_of};
use switchyard_events::{OrderId, OrderPlaced, Sku};

use crate::{PickOrder, Wave};

/// Where an order's pick lies.
pub fn key(order_id: &OrderId) -> Key {
    Key::new(format!("ORDER#{order_id}"), "PICK")
}

/// The row, which is also the marker of the order's placing. Lines are a map of products, as no order names one twice: so the row
/// of an order of fifty lines is still about a kilobyte.
pub(crate) fn row(order: &OrderPlaced, wave: Wave) -> Row {
    let lines = order.items.iter().map(|line| (line.sku.to_string(), Value::from(line.quantity.get()).0));
    Row::new(key(&order.order_id))
        .set("wave", wave.to_string())
        .set("placed_at", order.placed_at)
        .set("lines", Value::map(lines.collect()))
}

/// The wave that a pick came into.
pub(crate) fn wave(row: &Item) -> Result<Wave, Failure> {
    let wave = text_of(row, "wave").and_then(|wave| wave.parse().ok());
    wave.ok_or_else(|| Failure::reject("bad_pick", "a pick's row names no wave"))
}

/// What the order needs.
pub(crate) fn order(id: &OrderId, row: &Item) -> Result<PickOrder, Failure> {
    let bad = || Failure::reject("bad_pick", format!("the pick of {id} cannot be read"));
    let lines = row.get("lines").and_then(|lines| lines.as_m().ok()).ok_or_else(bad)?;
    let line = |sku: &String| Some((Sku::parse(sku.as_str()).ok()?, count_of(lines, sku)?.try_into().ok()?));
    let mut lines = lines.keys().map(line).collect::<Option<Vec<_>>>().ok_or_else(bad)?;
    lines.sort();
    Ok(PickOrder { id: id.clone(), placed_at: text_of(row, "placed_at").ok_or_else(bad)?.to_owned(), lines })
}
