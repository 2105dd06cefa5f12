//! Reads an order for the caller that owns it.

use checkout::caller::Caller;
use checkout::http::Request;
use checkout::problem::Problem;
use orders::{StoredOrder, order_key};
use switchyard_chassis::{Failure, Item, Table, text_of};
use switchyard_events::OrderId;

/// An order, and all rows of its partition.
pub(crate) struct OwnedOrder {
    pub(crate) order: StoredOrder,
    pub(crate) rows: Vec<Item>,
}

impl OwnedOrder {
    /// Reads an order that this request may see: its own caller's. An operator may see every order, if `operators_may`.
    ///
    /// # Errors
    ///
    /// The order does not exist, or belongs to another caller; the client does not learn which.
    pub(crate) async fn read(
        request: Request<'_>,
        table: &Table,
        id: &OrderId,
        operators_may: bool,
    ) -> Result<Self, Problem> {
        let owner = if operators_may && request.is_from_operator() {
            None
        } else {
            Some(Caller::from_request(request)?.fingerprint())
        };
        let rows = query_rows(table, id, "").await.map_err(|error| Problem::from_transient(&error))?;
        let key = order_key(id);
        let row = rows.iter().find(|row| text_of(row, "sk") == Some(&key.sk)).ok_or_else(Problem::not_found)?;
        let order = StoredOrder::from_row(row).map_err(|error| Problem::from_fault(&error))?;
        if owner.is_some_and(|owner| owner != order.caller) {
            return Err(Problem::not_found());
        }
        Ok(Self { order, rows })
    }
}

/// Rows of an order's partition, strongly consistent.
pub(crate) async fn query_rows(table: &Table, id: &OrderId, sk_prefix: &str) -> Result<Vec<Item>, Failure> {
    table.query(&order_key(id).pk, sk_prefix).await
}
