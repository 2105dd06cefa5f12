//! The one transaction of an order: its row, and its stock.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use switchyard_chassis::{Item, Table, describe};
use switchyard_events::{OrderLine, OrderPlaced};

use crate::catalog;

/// What became of a transaction.
#[derive(Debug, PartialEq)]
pub(crate) enum Commit {
    /// It is committed.
    Done,
    /// The order's row was there: this one.
    Exists(Item),
    /// Stock rows, by the place of their line, are not as the order needs them; or are not there.
    Unmet(Vec<(usize, Option<Item>)>),
    /// Others were in the way, or the outcome is not known. To try again is safe: an order that was committed after all is
    /// [`Commit::Exists`] then.
    Passing(String),
    /// It will never work.
    Fault(String),
}

/// Commits an order, all of it or nothing.
pub(crate) async fn commit(table: &Table, row: Item, order: &OrderPlaced) -> Commit {
    let actions = match actions(table.name(), row, &order.items) {
        Ok(actions) => actions,
        Err(error) => return Commit::Fault(error.to_string()),
    };
    let request = table.client().transact_write_items().set_transact_items(Some(actions));
    let answer = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
    let error = match answer {
        Ok(answer) => {
            let units = answer.consumed_capacity().iter().filter_map(|table| table.capacity_units);
            table.count_units(units.sum());
            return Commit::Done;
        }
        Err(error) => error,
    };
    // A cancelled transaction says nothing of its capacity.
    table.count_units(0.0);
    if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() {
        return read(cancelled.cancellation_reasons());
    }
    let reason = format!("DynamoDB TransactWriteItems: {}", describe(&error));
    match error.code() {
        Some("ValidationException" | "AccessDeniedException" | "ResourceNotFoundException") => Commit::Fault(reason),
        _ => Commit::Passing(reason),
    }
}

/// The order's row first, then the stock of each line.
fn actions(table: &str, row: Item, lines: &[OrderLine]) -> Result<Vec<TransactWriteItem>, BuildError> {
    let order = Put::builder()
        .table_name(table)
        .set_item(Some(row))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let order = TransactWriteItem::builder().put(order.build()?).build();
    let stock = lines.iter().map(|line| take(table, line));
    std::iter::once(Ok(order)).chain(stock).collect()
}

/// Takes a line's quantity out of stock, if there is as much, for the price that the order says.
fn take(table: &str, line: &OrderLine) -> Result<TransactWriteItem, BuildError> {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(catalog::key_of(&line.sku).to_item()))
        .update_expression("SET stock = stock - :quantity")
        .condition_expression("stock >= :quantity AND price_usd = :price")
        .expression_attribute_values(":quantity", AttributeValue::N(line.quantity.to_string()))
        .expression_attribute_values(":price", AttributeValue::N(line.unit_price_usd.to_string()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    Ok(TransactWriteItem::builder().update(update.build()?).build())
}

/// Reads why a transaction was cancelled: a reason for each action, in their order. An order that is there already comes first,
/// whatever has become of the stock since.
fn read(reasons: &[CancellationReason]) -> Commit {
    let failed = |reason: &&CancellationReason| reason.code() == Some("ConditionalCheckFailed");
    if let Some(order) = reasons.first().filter(failed) {
        return match order.item() {
            Some(row) => Commit::Exists(row.clone()),
            None => Commit::Passing("the order's row was not returned".into()),
        };
    }
    let codes: Vec<_> = reasons.iter().filter_map(CancellationReason::code).filter(|code| *code != "None").collect();
    if codes.contains(&"ValidationError") {
        return Commit::Fault(format!("DynamoDB TransactWriteItems: {}", codes.join(", ")));
    }
    let stock = reasons.iter().skip(1).enumerate().filter(|(_, reason)| failed(reason));
    let unmet: Vec<_> =
        stock.map(|(place, reason)| (place, reason.item().filter(|row| !row.is_empty()).cloned())).collect();
    if unmet.is_empty() {
        return Commit::Passing(codes.join(", "));
    }
    Commit::Unmet(unmet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: &str, row: Option<&str>) -> CancellationReason {
        let item = row.map(|sk| Item::from([("sk".to_owned(), AttributeValue::S(sk.to_owned()))]));
        CancellationReason::builder().code(code).set_item(item).build()
    }

    #[test]
    fn reasons_are_read_with_the_orders_own_row_first() {
        let check = |reasons: &[(&str, Option<&str>)], expected: &str| {
            let reasons: Vec<_> = reasons.iter().map(|(code, row)| reason(code, *row)).collect();
            let commit = match read(&reasons) {
                Commit::Exists(row) => format!("exists {}", row["sk"].as_s().unwrap()),
                Commit::Unmet(rows) => {
                    format!("unmet {:?}", rows.iter().map(|(at, row)| (*at, row.is_some())).collect::<Vec<_>>())
                }
                Commit::Passing(reason) => format!("passing {reason}"),
                other => format!("{other:?}"),
            };
            assert_eq!(commit, expected, "{reasons:?}");
        };
        let failed = "ConditionalCheckFailed";
        check(&[(failed, Some("ORDER")), (failed, Some("STOCK"))], "exists ORDER");
        check(&[("None", None), ("None", None), (failed, Some("STOCK"))], "unmet [(1, true)]");
        check(&[("None", None), (failed, None), ("TransactionConflict", None)], "unmet [(0, false)]");
        check(&[("TransactionConflict", None), ("None", None)], "passing TransactionConflict");
        check(&[("None", None), ("ThrottlingError", None)], "passing ThrottlingError");
        check(&[("None", None), ("ValidationError", None)], "Fault(\"DynamoDB TransactWriteItems: ValidationError\")");
    }
}
