//! The pick of an order: the products that it needs.

use switchyard_chassis::{Failure, Item, Row, Value, count_of, text_of};
use switchyard_events::{OrderId, OrderPlaced, Sku};

use crate::keys::pick_key;

/// The products that an order needs from the shelves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PickOrder {
    /// The order.
    pub id: OrderId,
    /// When the order was placed, as text that sorts by time.
    pub placed_at: String,
    /// The products, each once, and their quantities.
    pub lines: Vec<(Sku, u32)>,
}

/// The row of a pick, which is also the marker of `OrderPlaced`. Lines are a map by product, as an order names each product once.
/// So the row of an order of fifty lines has about a kilobyte.
pub(crate) fn row(order: &OrderPlaced) -> Row {
    let lines = order.items.iter().map(|line| (line.sku.to_string(), Value::from(line.quantity.get()).0));
    Row::new(pick_key(&order.order_id)).set("placed_at", order.placed_at).set("lines", Value::map(lines.collect()))
}

/// Parses the row of a pick. A row that cannot be parsed is rejected as `bad_pick`.
pub(crate) fn parse_order(id: &OrderId, row: &Item) -> Result<PickOrder, Failure> {
    let bad = || Failure::reject("bad_pick", format!("the pick of {id} cannot be read"));
    let lines = row.get("lines").and_then(|lines| lines.as_m().ok()).ok_or_else(bad)?;
    let line = |sku: &String| Some((Sku::parse(sku.as_str()).ok()?, count_of(lines, sku)?.try_into().ok()?));
    let mut lines = lines.keys().map(line).collect::<Option<Vec<_>>>().ok_or_else(bad)?;
    lines.sort();
    Ok(PickOrder { id: id.clone(), placed_at: text_of(row, "placed_at").ok_or_else(bad)?.to_owned(), lines })
}
