//! Events whose whole effect is one row: a plain conditional write each, half the price of a transaction.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    BatchStatementErrorCodeEnum as Code, BatchStatementRequest, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure,
};

use crate::commit::{Plan, Verdict, Verdicts, all, refused, taken};
use crate::table::retry;
use crate::transaction::Write;
use crate::{Failure, Row, Table};

/// Statements that one `BatchExecuteStatement` may hold
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html>, 2026-11-21).
pub(crate) const MAX_STATEMENTS: usize = 25;

/// One conditional put.
pub(crate) async fn put(table: &Table, plan: &Plan) -> Verdict {
    let [Write::Marker(row, generation)] = plan.writes.as_slice() else {
        return Verdict::Again;
    };
    let (condition, value) = Write::newness(*generation);
    let request = table.client.put_item().table_name(&table.name).set_item(Some(row.clone().into_item()));
    let request = request
        .condition_expression(condition)
        .set_expression_attribute_values(value.map(|value| [(":generation".to_owned(), value)].into()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    match request.send().await {
        Ok(answer) => {
            table.count(answer.consumed_capacity());
            Verdict::Done
        }
        Err(error) => {
            table.count(None);
            match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => taken(failed.item(), plan),
                Some(service) if service.code() == Some("ValidationException") => refused(service.message()),
                _ => Verdict::Failed(retry("PutItem", &error)),
            }
        }
    }
}

/// Several lone rows in one call; each fails or succeeds by itself.
pub(crate) async fn insert(table: &Table, plans: &[Plan]) -> Verdicts {
    let statements = plans.iter().filter_map(|plan| match plan.writes.as_slice() {
        [Write::Marker(row, _)] => Some(statement(&table.name, row)),
        _ => None,
    });
    let statements = match statements.collect::<Result<Vec<_>, _>>() {
        Ok(statements) => statements,
        Err(error) => return all(plans, &Verdict::Failed(Failure::retry(error))),
    };
    let request = table.client.batch_execute_statement().set_statements(Some(statements));
    let answer = match request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await {
        Ok(answer) => answer,
        Err(error) => {
            table.count(None);
            return all(plans, &Verdict::Failed(retry("BatchExecuteStatement", &error)));
        }
    };
    table.count(answer.consumed_capacity());
    let mut verdicts = Vec::new();
    for (plan, response) in plans.iter().zip(answer.responses()) {
        let verdict = match response.error() {
            None => Verdict::Done,
            Some(error) => match error.code() {
                Some(Code::DuplicateItem | Code::ConditionalCheckFailed) => look_up(table, plan).await,
                Some(Code::ValidationError) => refused(error.message()),
                code => Verdict::Failed(Failure::retry(format!("DynamoDB INSERT: {code:?}"))),
            },
        };
        verdicts.push((plan.event, verdict));
    }
    verdicts
}

fn statement(table: &str, row: &Row) -> Result<BatchStatementRequest, BuildError> {
    let (names, values): (Vec<_>, Vec<_>) = row.clone().into_item().into_iter().unzip();
    let fields: Vec<_> = names.iter().map(|name| format!("'{}': ?", name.replace('\'', "''"))).collect();
    let text = format!("INSERT INTO \"{table}\" VALUE {{{}}}", fields.join(", "));
    BatchStatementRequest::builder().statement(text).set_parameters(Some(values)).build()
}

/// A PartiQL `INSERT` says that a row is there, but not which: only the same event's row makes this event a duplicate.
async fn look_up(table: &Table, plan: &Plan) -> Verdict {
    let Some(write) = plan.writes.first() else {
        return Verdict::Again;
    };
    match table.get(write.key()).await {
        Ok(item) => taken(item.as_ref(), plan),
        Err(failure) => Verdict::Failed(failure),
    }
}
