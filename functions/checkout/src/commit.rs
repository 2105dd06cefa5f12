//! The transaction of an order: its row, the stock of its lines, and its row in the customer's list.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use orders::product_key;
use switchyard_chassis::{Item, Row, Table, describe};
use switchyard_events::OrderLine;

/// The outcome of a transaction.
#[derive(Debug, PartialEq)]
pub(crate) enum CommitOutcome {
    /// The order is committed.
    Committed,
    /// The order's row existed already, with this content.
    AlreadyExists(Item),
    /// The condition of at least one stock row failed.
    ConditionFailed(Vec<RejectedLine>),
    /// A conflict, throttling, or an unknown outcome. A retry is safe: if the order was committed after all, its
    /// outcome is [`CommitOutcome::AlreadyExists`].
    Transient(String),
    /// No retry can succeed.
    Permanent(String),
}

/// An order line whose stock or price is not as the order needs it.
#[derive(Debug, PartialEq)]
pub(crate) struct RejectedLine {
    /// The index of the order line.
    pub(crate) index: usize,
    /// The stock row; none if it does not exist.
    pub(crate) stock_row: Option<Item>,
}

/// Commits an order and takes its lines out of stock, or does neither.
pub(crate) async fn commit(table: &Table, order: Row, listed: Row, lines: &[OrderLine]) -> CommitOutcome {
    let actions = match actions(table.name(), order, listed, lines) {
        Ok(actions) => actions,
        Err(error) => return CommitOutcome::Permanent(error.to_string()),
    };
    let request = table.client().transact_write_items().set_transact_items(Some(actions));
    let response = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
    let error = match response {
        Ok(response) => {
            let units = response.consumed_capacity().iter().filter_map(|table| table.capacity_units);
            table.count_units(units.sum());
            return CommitOutcome::Committed;
        }
        Err(error) => error,
    };
    // DynamoDB does not report the capacity of a cancelled transaction.
    table.count_units(0.0);
    if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() {
        return classify_cancellation(cancelled.cancellation_reasons());
    }
    classify_error(error.code(), format!("DynamoDB TransactWriteItems: {}", describe(&error)))
}

/// The order's row first, then the stock of each line, then the row of the list. That one needs no condition: its key contains the
/// order's id, so it exists only if the order's row does.
fn actions(table: &str, order: Row, listed: Row, lines: &[OrderLine]) -> Result<Vec<TransactWriteItem>, BuildError> {
    let order = Put::builder()
        .table_name(table)
        .set_item(Some(order.into_item()))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let listed = Put::builder().table_name(table).set_item(Some(listed.into_item()));
    let mut actions = vec![TransactWriteItem::builder().put(order.build()?).build()];
    for line in lines {
        actions.push(decrement_stock(table, line)?);
    }
    actions.push(TransactWriteItem::builder().put(listed.build()?).build());
    Ok(actions)
}

/// Takes a line's quantity out of stock if there is enough, and if the price is still the order's.
fn decrement_stock(table: &str, line: &OrderLine) -> Result<TransactWriteItem, BuildError> {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(product_key(&line.sku).to_item()))
        .update_expression("SET stock = stock - :quantity")
        .condition_expression("stock >= :quantity AND price_usd = :price")
        .expression_attribute_values(":quantity", AttributeValue::N(line.quantity.to_string()))
        .expression_attribute_values(":price", AttributeValue::N(line.unit_price_usd.to_string()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    Ok(TransactWriteItem::builder().update(update.build()?).build())
}

/// Classifies a cancelled transaction by its reasons, one for each of [`actions`]. An order that exists already
/// outranks all other reasons, because its stock was taken when it was placed.
fn classify_cancellation(reasons: &[CancellationReason]) -> CommitOutcome {
    let condition_failed = |reason: &&CancellationReason| reason.code() == Some("ConditionalCheckFailed");
    if let Some(order) = reasons.first().filter(condition_failed) {
        return match order.item() {
            Some(row) => CommitOutcome::AlreadyExists(row.clone()),
            None => CommitOutcome::Transient("the order's row was not returned".into()),
        };
    }
    let codes: Vec<_> = reasons.iter().filter_map(CancellationReason::code).filter(|code| *code != "None").collect();
    if codes.contains(&"ValidationError") {
        return CommitOutcome::Permanent(format!("DynamoDB TransactWriteItems: {}", codes.join(", ")));
    }
    // The conflict is on the order's own row, so a duplicate of this request may be committing this very order. Then the stock
    // is short because that order has taken it. The next attempt finds the order, or the stock without the conflict.
    if reasons.first().and_then(CancellationReason::code) == Some("TransactionConflict") {
        return CommitOutcome::Transient(codes.join(", "));
    }
    let stock = reasons.iter().skip(1).enumerate().filter(|(_, reason)| condition_failed(reason));
    let stock_row = |reason: &CancellationReason| reason.item().filter(|row| !row.is_empty()).cloned();
    let rejected: Vec<_> = stock.map(|(index, reason)| RejectedLine { index, stock_row: stock_row(reason) }).collect();
    if rejected.is_empty() {
        return CommitOutcome::Transient(codes.join(", "));
    }
    CommitOutcome::ConditionFailed(rejected)
}

/// Classifies a call that failed without a cancelled transaction, by its error code.
fn classify_error(code: Option<&str>, reason: String) -> CommitOutcome {
    match code {
        Some("ValidationException" | "AccessDeniedException" | "ResourceNotFoundException") => {
            CommitOutcome::Permanent(reason)
        }
        _ => CommitOutcome::Transient(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(sk: &str) -> Item {
        Item::from([("sk".to_owned(), AttributeValue::S(sk.to_owned()))])
    }

    fn check(reasons: &[(&str, Option<Item>)], expected: &CommitOutcome) {
        let reason = |(code, row): &(&str, Option<Item>)| {
            CancellationReason::builder().code(*code).set_item(row.clone()).build()
        };
        let reasons: Vec<_> = reasons.iter().map(reason).collect();
        assert_eq!(classify_cancellation(&reasons), *expected, "{reasons:?}");
    }

    #[test]
    fn cancellation_with_existing_order_outranks_stock() {
        let failed = "ConditionalCheckFailed";
        check(
            &[(failed, Some(row("ORDER"))), (failed, Some(row("STOCK")))],
            &CommitOutcome::AlreadyExists(row("ORDER")),
        );
        let not_returned = CommitOutcome::Transient("the order's row was not returned".into());
        check(&[(failed, None), ("None", None)], &not_returned);
    }

    #[test]
    fn cancellation_by_stock_condition_names_the_lines() {
        let failed = "ConditionalCheckFailed";
        let rejected = |index, stock_row| CommitOutcome::ConditionFailed(vec![RejectedLine { index, stock_row }]);
        let stock = Some(row("STOCK"));
        check(&[("None", None), ("None", None), (failed, stock.clone())], &rejected(1, stock));
        check(&[("None", None), (failed, None), ("TransactionConflict", None)], &rejected(0, None));
    }

    #[test]
    fn cancellation_by_conflict_or_throttling_is_transient() {
        let transient = |reason: &str| CommitOutcome::Transient(reason.into());
        check(&[("TransactionConflict", None), ("None", None)], &transient("TransactionConflict"));
        check(&[("None", None), ("ThrottlingError", None)], &transient("ThrottlingError"));
    }

    #[test]
    fn cancellation_by_mixed_reasons_depends_on_the_orders_row() {
        let (conflict, failed) = ("TransactionConflict", "ConditionalCheckFailed");
        let transient = |reason: &str| CommitOutcome::Transient(reason.into());
        let stock = Some(row("STOCK"));
        // Conflict on the order's row: its duplicate may have taken the stock.
        let both = "TransactionConflict, ConditionalCheckFailed";
        check(&[(conflict, None), (failed, stock.clone())], &transient(both));
        check(&[(conflict, None), ("None", None), (failed, None)], &transient(both));
        check(&[(conflict, None), (conflict, None)], &transient("TransactionConflict, TransactionConflict"));
        let throttled = "TransactionConflict, ThrottlingError, ConditionalCheckFailed";
        check(&[(conflict, None), ("ThrottlingError", None), (failed, stock.clone())], &transient(throttled));
        // Conflict on a stock row only: the order does not exist, and the other line is short anyway.
        let rejected = RejectedLine { index: 1, stock_row: stock.clone() };
        check(&[("None", None), (conflict, None), (failed, stock)], &CommitOutcome::ConditionFailed(vec![rejected]));
        // An invalid write stays permanent, and an existing order wins over everything.
        let permanent =
            CommitOutcome::Permanent("DynamoDB TransactWriteItems: TransactionConflict, ValidationError".into());
        check(&[(conflict, None), ("ValidationError", None)], &permanent);
        check(&[(failed, Some(row("ORDER"))), (conflict, None)], &CommitOutcome::AlreadyExists(row("ORDER")));
    }

    #[test]
    fn cancellation_by_invalid_write_is_permanent() {
        let permanent = CommitOutcome::Permanent("DynamoDB TransactWriteItems: ValidationError".into());
        check(&[("None", None), ("ValidationError", None)], &permanent);
    }
}
