//! `POST /checkout`: commits an order, and retries until the outcome is known.

use orders::ListedOrder;
use switchyard_chassis::{Clock, Table, backoff};
use switchyard_events::{OrderPlaced, Sku};

use crate::caller::Caller;
use crate::cart::{Cart, InvalidCart};
use crate::catalog::{Catalog, Product, stock_in};
use crate::commit::{CommitOutcome, RejectedLine, commit};
use crate::http::Request;
use crate::order_request::OrderRequest;
use crate::problem::{FieldError, PriceChange, Problem, Shortage};
use crate::response::OrderResponse;

/// Attempts per request. With full jitter up to 400 ms between them, they take about two seconds.
const MAX_ATTEMPTS: u32 = 12;

/// The outcome of one attempt.
enum AttemptOutcome {
    /// The request is answered.
    Answered(Result<OrderResponse, Problem>),
    /// The order cannot be placed now. But an earlier attempt or request may have placed it.
    Rejected(Problem),
    /// Another attempt may succeed.
    Retry(String),
}

/// Places an order, or finds the order that the same request has placed before.
pub(crate) async fn place_order(
    request: Request<'_>,
    table: &Table,
    catalog: &Catalog,
    clock: &Clock,
    allows_body_email: bool,
) -> Result<OrderResponse, Problem> {
    let caller = Caller::from_request(request)?;
    let cart = match Cart::parse(&request.json()?, &caller, allows_body_email) {
        Ok(cart) => cart,
        Err(invalid) => return Err(add_unknown_skus(invalid, catalog).await),
    };
    let request = OrderRequest::new(request, &caller, cart, clock.now())?;
    let mut last_reason = String::new();
    for attempt in 0..MAX_ATTEMPTS {
        match attempt_once(&request, table, catalog).await {
            AttemptOutcome::Answered(result) => return result,
            AttemptOutcome::Rejected(problem) => {
                // Without a key the client cannot have sent the request before, so only an earlier attempt can have
                // placed it.
                if !request.has_idempotency_key && attempt == 0 {
                    return Err(problem);
                }
                return find_placed(&request, table).await.unwrap_or(Err(problem));
            }
            AttemptOutcome::Retry(reason) => {
                last_reason = reason;
                tokio::time::sleep(backoff::contention(attempt)).await;
            }
        }
    }
    Err(Problem::from_transient(&last_reason))
}

/// Adds the products of an invalid cart that do not exist, so that one response names every invalid field.
async fn add_unknown_skus(InvalidCart { mut errors, skus }: InvalidCart, catalog: &Catalog) -> Problem {
    let wanted: Vec<Sku> = skus.iter().map(|(_, sku)| sku.clone()).collect();
    // If the catalog cannot be read now, the client corrects the other fields first.
    if let Ok(products) = catalog.look_up(&wanted).await {
        let unknown = skus.iter().filter(|(_, sku)| !products.contains_key(sku));
        errors.extend(unknown.map(|(index, _)| FieldError::unknown_sku(*index)));
    }
    Problem::invalid_cart(errors)
}

/// Prices the cart and commits the order.
async fn attempt_once(request: &OrderRequest, table: &Table, catalog: &Catalog) -> AttemptOutcome {
    let priced = match price(request, catalog).await {
        Ok(order) if request.is_expected(&order) => Ok(order),
        // The cached prices may be older than those that the client has shown.
        Ok(_) => {
            catalog.forget(request.cart.lines.iter().map(|line| &line.sku));
            price(request, catalog).await
        }
        Err(outcome) => Err(outcome),
    };
    match priced {
        Ok(order) if request.is_expected(&order) => commit_order(request, order, table, catalog).await,
        Ok(OrderPlaced { total_usd, items, .. }) => {
            AttemptOutcome::Rejected(Problem::price_changed(PriceChange { total_usd, items }))
        }
        Err(outcome) => outcome,
    }
}

async fn price(request: &OrderRequest, catalog: &Catalog) -> Result<OrderPlaced, AttemptOutcome> {
    let lines = &request.cart.lines;
    let skus: Vec<Sku> = lines.iter().map(|line| line.sku.clone()).collect();
    let products = catalog.look_up(&skus).await;
    let products = products.map_err(|failure| AttemptOutcome::Retry(failure.to_string()))?;
    let unknown = lines.iter().filter(|line| !products.contains_key(&line.sku));
    let unknown: Vec<_> = unknown.map(|line| FieldError::unknown_sku(line.index)).collect();
    if !unknown.is_empty() {
        return Err(AttemptOutcome::Rejected(Problem::invalid_cart(unknown)));
    }
    let too_much = |invalid| AttemptOutcome::Rejected(Problem::invalid_cart(vec![FieldError::total(&invalid)]));
    request.price(&products).map_err(too_much)
}

async fn commit_order(request: &OrderRequest, order: OrderPlaced, table: &Table, catalog: &Catalog) -> AttemptOutcome {
    let stored = request.to_stored_order(order);
    let (row, listed) = match (stored.to_row(), ListedOrder::row(&stored, request.cause.clone())) {
        (Ok(row), Ok(listed)) => (row, listed),
        (Err(error), _) | (_, Err(error)) => return AttemptOutcome::Answered(Err(Problem::from_fault(&error))),
    };
    match commit(table, row, listed, &stored.lines).await {
        CommitOutcome::Committed => AttemptOutcome::Answered(OrderResponse::accepted(&stored, "placed")),
        CommitOutcome::AlreadyExists(row) => AttemptOutcome::Answered(request.repeat_response(&row)),
        CommitOutcome::ConditionFailed(rejected) => explain_rejected_lines(request, rejected, catalog),
        CommitOutcome::Transient(reason) => AttemptOutcome::Retry(reason),
        CommitOutcome::Permanent(reason) => AttemptOutcome::Answered(Err(Problem::from_fault(&reason))),
    }
}

/// Finds out why lines were rejected: the product is gone, its stock is too small, or its price has changed since it
/// was cached. After a price change the next attempt uses the new price. So a client always pays the catalog's price at
/// the moment of the order.
fn explain_rejected_lines(request: &OrderRequest, rejected: Vec<RejectedLine>, catalog: &Catalog) -> AttemptOutcome {
    let (mut unknown, mut short) = (Vec::new(), Vec::new());
    for RejectedLine { index, stock_row } in rejected {
        let line = &request.cart.lines[index];
        catalog.refresh(&line.sku, stock_row.as_ref());
        let Some(row) = stock_row.filter(|row| Product::from_row(row).is_some()) else {
            unknown.push(FieldError::unknown_sku(line.index));
            continue;
        };
        let (sku, wanted, available) = (line.sku.clone(), line.quantity, stock_in(&row));
        if available < u64::from(wanted) {
            short.push(Shortage { sku, wanted, available });
        }
    }
    if !unknown.is_empty() {
        return AttemptOutcome::Rejected(Problem::invalid_cart(unknown));
    }
    if !short.is_empty() {
        return AttemptOutcome::Rejected(Problem::out_of_stock(short));
    }
    AttemptOutcome::Retry("a price has changed".into())
}

/// The response for the order that the same request has placed before; none if there is no such order.
async fn find_placed(request: &OrderRequest, table: &Table) -> Option<Result<OrderResponse, Problem>> {
    match table.get(&request.key()).await {
        Ok(row) => Some(request.repeat_response(&row?)),
        Err(failure) => Some(Err(Problem::from_transient(&failure))),
    }
}
