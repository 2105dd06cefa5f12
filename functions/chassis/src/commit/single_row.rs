//! Events whose whole effect is one row: a plain conditional write each, half the price of a transaction.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    BatchStatementError, BatchStatementErrorCodeEnum as Code, BatchStatementRequest, BatchStatementResponse,
    ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
};
use futures_util::future::join_all;

use crate::aws_error::{describe, dynamodb_failure, is_contention};
use crate::commit::plan::{CommitAttempt, Plan, WriteBatch, refused, same_for_all};
use crate::dynamodb::item::Row;
use crate::dynamodb::table::Table;
use crate::dynamodb::write::IS_NEW;
use crate::{Failure, Outcome};

/// Statements that one `BatchExecuteStatement` may hold
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html>, 2026-11-21).
pub(crate) const MAX_STATEMENTS: usize = 25;

/// How one row's write ended.
enum Written {
    /// `None`: the handler must run again on fresh reads.
    Decided(Option<Outcome>),
    /// Another writer or throttling prevented it, with DynamoDB's reason.
    Contended(String),
}

/// A conditional put for each plan, concurrently.
pub(crate) async fn put(table: &Table, plans: Vec<Plan>) -> CommitAttempt {
    let results = join_all(plans.into_iter().map(async |plan| {
        let written = put_one(table, &plan).await;
        (plan, written)
    }));
    gather(results.await, WriteBatch::Put)
}

async fn put_one(table: &Table, plan: &Plan) -> Written {
    let Some(row) = plan.writes.only_marker() else {
        return Written::Decided(None);
    };
    let request = table.client.put_item().table_name(&table.name).set_item(Some(row.clone().into_item()));
    let request = request
        .condition_expression(IS_NEW)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    let error = match request.send().await {
        Ok(answer) => {
            table.count(answer.consumed_capacity());
            return Written::Decided(Some(Outcome::Applied));
        }
        Err(error) => error,
    };
    table.count(None);
    Written::Decided(match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failed)) => plan.outcome_of_existing_marker(failed.item()),
        Some(service) if is_contention(service.code()) => {
            return Written::Contended(format!("DynamoDB PutItem: {}", describe(&error)));
        }
        Some(service) if service.code() == Some("ValidationException") => Some(refused(service.message())),
        _ => Some(Outcome::Failed(dynamodb_failure("PutItem", &error))),
    })
}

/// Several lone rows in one call; each fails or succeeds by itself.
pub(crate) async fn insert(table: &Table, plans: Vec<Plan>) -> CommitAttempt {
    let rows = plans.iter().filter_map(|plan| plan.writes.only_marker());
    let statements = match rows.map(|row| statement(&table.name, row)).collect::<Result<Vec<_>, _>>() {
        Ok(statements) => statements,
        Err(error) => {
            let decisions = same_for_all(&plans, &Outcome::Failed(Failure::retry(error)));
            return CommitAttempt { decisions, ..CommitAttempt::default() };
        }
    };
    let request = table.client.batch_execute_statement().set_statements(Some(statements));
    let answer = match request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await {
        Ok(answer) => answer,
        Err(error) => {
            table.count(None);
            let mut attempt = CommitAttempt::default();
            match error.code() {
                code if is_contention(code) => {
                    let reason = format!("DynamoDB BatchExecuteStatement: {}", describe(&error));
                    attempt.retry_later.push((WriteBatch::Insert(plans), reason));
                }
                // DynamoDB refused the whole call because of one row. A put of each row finds out which.
                Some("ValidationException") => attempt.retry_now.push(WriteBatch::Put(plans)),
                _ => {
                    let failure = dynamodb_failure("BatchExecuteStatement", &error);
                    attempt.decisions = same_for_all(&plans, &Outcome::Failed(failure));
                }
            }
            return attempt;
        }
    };
    table.count(answer.consumed_capacity());
    let mut results = Vec::new();
    for (plan, response) in plans.into_iter().zip(answer.responses()) {
        let written = statement_result(table, &plan, response).await;
        results.push((plan, written));
    }
    gather(results, WriteBatch::Insert)
}

async fn statement_result(table: &Table, plan: &Plan, response: &BatchStatementResponse) -> Written {
    let Some(error) = response.error() else {
        return Written::Decided(Some(Outcome::Applied));
    };
    let code = error.code().map(Code::as_str);
    Written::Decided(match error.code() {
        Some(Code::DuplicateItem | Code::ConditionalCheckFailed) => outcome_of_existing_row(table, plan).await,
        Some(Code::ValidationError) => Some(refused(BatchStatementError::message(error))),
        _ if is_contention(code) => {
            return Written::Contended(format!("DynamoDB INSERT: {}", code.unwrap_or("busy")));
        }
        _ => Some(Outcome::Failed(Failure::retry(format!("DynamoDB INSERT: {}", code.unwrap_or("failed"))))),
    })
}

/// A failed PartiQL `INSERT` does not return the existing row. Only a row of the same event makes this event a duplicate.
async fn outcome_of_existing_row(table: &Table, plan: &Plan) -> Option<Outcome> {
    let row = plan.writes.only_marker()?;
    match table.get(&row.key).await {
        Ok(item) => plan.outcome_of_existing_marker(item.as_ref()),
        Err(failure) => Some(Outcome::Failed(failure)),
    }
}

fn statement(table: &str, row: &Row) -> Result<BatchStatementRequest, BuildError> {
    let (names, values): (Vec<_>, Vec<_>) = row.clone().into_item().into_iter().unzip();
    let fields: Vec<_> = names.iter().map(|name| format!("'{}': ?", name.replace('\'', "''"))).collect();
    let text = format!("INSERT INTO \"{table}\" VALUE {{{}}}", fields.join(", "));
    BatchStatementRequest::builder().statement(text).set_parameters(Some(values)).build()
}

/// Collects the results of single rows. Rows that met contention go into one batch, with the last reason.
fn gather(results: Vec<(Plan, Written)>, batch: fn(Vec<Plan>) -> WriteBatch) -> CommitAttempt {
    let mut attempt = CommitAttempt::default();
    let (mut contended, mut last_reason) = (Vec::new(), String::new());
    for (plan, written) in results {
        match written {
            Written::Decided(outcome) => attempt.decisions.push((plan.event, outcome)),
            Written::Contended(reason) => {
                last_reason = reason;
                contended.push(plan);
            }
        }
    }
    if !contended.is_empty() {
        attempt.retry_later.push((batch(contended), last_reason));
    }
    attempt
}
