//! `GET /orders?limit=&cursor=`: the orders of a caller and customer, the newest first.

use std::ops::RangeInclusive;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use checkout::caller::Caller;
use checkout::http::Request;
use checkout::problem::{FieldError, Problem};
use checkout::response::OrderResponse;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use orders::{ListedOrder, OrderStatus};
use serde::Serialize;
use switchyard_chassis::{Item, Key, Table, describe};
use switchyard_events::{OrderId, Usd};

use crate::cursor::Cursor;
use crate::owned_order::query_rows;
use crate::query::parameter;

/// The numbers of orders that a client may ask for in one page.
const LIMIT: RangeInclusive<usize> = 1..=50;
/// The number if the client chooses none.
const DEFAULT_LIMIT: usize = 20;
/// How many statuses are read at the same time.
const CONCURRENCY: usize = 10;

/// A page that a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PageRequest {
    pub(crate) partition: String,
    pub(crate) limit: usize,
    pub(crate) after: Option<Cursor>,
}

#[derive(Serialize)]
struct PageBody {
    orders: Vec<OrderSummary>,
    /// Null on the last page.
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct OrderSummary {
    order_id: OrderId,
    status: OrderStatus,
    total_usd: Usd,
    placed_at: Timestamp,
}

/// Returns a page of orders. List and statuses are read with strong consistency, so an order is on the first page the moment it is
/// placed.
pub(crate) async fn list_orders(request: Request<'_>, table: &Table) -> Result<OrderResponse, Problem> {
    let page = PageRequest::from_query(request)?;
    let (mut rows, is_cut_off) = query_page(table, &page).await?;
    let has_more = rows.len() > page.limit || is_cut_off;
    rows.truncate(page.limit);
    let last = rows.last().filter(|_| has_more).and_then(Key::from_item);
    let listed = rows.iter().map(ListedOrder::from_row).collect::<Result<Vec<_>, _>>();
    let listed = listed.map_err(|error| Problem::from_fault(&error))?;
    let orders = stream::iter(listed).map(|order| summarize(table, order)).buffered(CONCURRENCY).try_collect().await?;
    OrderResponse::new(200, "listed", &PageBody { orders, next_cursor: last.map(|key| Cursor(key).encode()) })
}

impl PageRequest {
    pub(crate) fn from_query(request: Request<'_>) -> Result<Self, Problem> {
        let caller = Caller::from_request(request)?;
        let user_id = parameter(request, "user_id", |text| Ok(text.to_owned()));
        let user_id = user_id.and_then(|named| {
            let user_id = caller.user_id(named.as_deref());
            user_id.map_err(|invalid| FieldError { field: "user_id".into(), reason: invalid.0 })
        });
        let partition = user_id.map(|user_id| ListedOrder::partition(&caller.fingerprint(), &user_id));
        let limit = parameter(request, "limit", parse_limit);
        // Without a valid user there is no list that the cursor could belong to.
        let after = match &partition {
            Ok(partition) => parameter(request, "cursor", |text| Cursor::parse(text, partition)),
            Err(_) => Ok(None),
        };
        match (partition, limit, after) {
            (Ok(partition), Ok(limit), Ok(after)) => {
                Ok(Self { partition, limit: limit.unwrap_or(DEFAULT_LIMIT), after })
            }
            (partition, limit, after) => {
                let errors = partition.err().into_iter().chain(limit.err()).chain(after.err());
                Err(Problem::invalid_query(errors.collect()))
            }
        }
    }
}

fn parse_limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| LIMIT.contains(limit));
    let (min, max) = LIMIT.into_inner();
    limit.ok_or_else(|| format!("must be a whole number from {min} to {max}"))
}

/// The rows of a page, and one more if there are more. An item has at most a few kilobytes, so 51 of them are far below the megabyte
/// that one query returns.
/// One row more than the page has, and whether DynamoDB cut the rows off: it returns at most a megabyte, counted before the projection
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html>, 2026-11-21).
async fn query_page(table: &Table, page: &PageRequest) -> Result<(Vec<Item>, bool), Problem> {
    let query = table.client().query().table_name(table.name()).consistent_read(true).scan_index_forward(false);
    let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :orders)");
    let query = query.expression_attribute_values(":pk", AttributeValue::S(page.partition.clone()));
    let query = query.expression_attribute_values(":orders", AttributeValue::S(ListedOrder::SK_PREFIX.to_owned()));
    let query =
        query.projection_expression("pk, sk, total_usd").limit(i32::try_from(page.limit + 1).unwrap_or(i32::MAX));
    let query = query.set_exclusive_start_key(page.after.as_ref().map(|Cursor(key)| key.to_item()));
    let answer = query.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
    let answer = answer.map_err(|error| Problem::from_transient(&format!("DynamoDB Query: {}", describe(&error))))?;
    table.count_units(answer.consumed_capacity.and_then(|capacity| capacity.capacity_units).unwrap_or(0.0));
    let rows = answer.items.unwrap_or_default();
    let is_cut_off = rows.len() <= page.limit && answer.last_evaluated_key.is_some();
    Ok((rows, is_cut_off))
}

async fn summarize(table: &Table, ListedOrder { id, total, placed_at }: ListedOrder) -> Result<OrderSummary, Problem> {
    let rows = query_rows(table, &id, OrderStatus::SK_PREFIX).await;
    let status = OrderStatus::from_rows(&rows.map_err(|error| Problem::from_transient(&error))?);
    Ok(OrderSummary { order_id: id, status, total_usd: total, placed_at })
}
