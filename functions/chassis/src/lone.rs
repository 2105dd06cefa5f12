//! Events whose whole effect is one row: a plain conditional write each, half the price of a transaction.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    BatchStatementError, BatchStatementErrorCodeEnum as Code, BatchStatementRequest, BatchStatementResponse,
    ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
};
use futures_util::future::join_all;

use crate::commit::{Group, Plan, Tried, Verdict, all, is_busy, refused, taken};
use crate::table::{describe, retry};
use crate::transaction::Write;
use crate::{Failure, Row, Table};

/// Statements that one `BatchExecuteStatement` may hold
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html>, 2026-11-21).
pub(crate) const MAX_STATEMENTS: usize = 25;

/// A conditional put for each plan, side by side.
pub(crate) async fn put(table: &Table, plans: Vec<Plan>) -> Tried {
    let answers = join_all(plans.iter().map(|plan| put_one(table, plan))).await;
    let mut tried = Tried::default();
    let (mut busy, mut reason) = (Vec::new(), String::new());
    for (plan, answer) in plans.into_iter().zip(answers) {
        match answer {
            Ok(verdict) => tried.verdicts.push((plan.event, verdict)),
            Err(why) => {
                reason = why;
                busy.push(plan);
            }
        }
    }
    tried.busy.extend((!busy.is_empty()).then_some((Group::Put(busy), reason)));
    tried
}

/// One conditional put; an error says what others are in the way.
async fn put_one(table: &Table, plan: &Plan) -> Result<Verdict, String> {
    let [Write::Marker(row, generation)] = plan.writes.as_slice() else {
        return Ok(Verdict::Again);
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
            Ok(Verdict::Done)
        }
        Err(error) => {
            table.count(None);
            match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => Ok(taken(failed.item(), plan)),
                Some(service) if is_busy(service.code()) => Err(format!("DynamoDB PutItem: {}", describe(&error))),
                Some(service) if service.code() == Some("ValidationException") => Ok(refused(service.message())),
                _ => Ok(Verdict::Failed(retry("PutItem", &error))),
            }
        }
    }
}

/// Several lone rows in one call; each fails or succeeds by itself.
pub(crate) async fn insert(table: &Table, plans: Vec<Plan>) -> Tried {
    let mut tried = Tried::default();
    let statements = plans.iter().filter_map(|plan| match plan.writes.as_slice() {
        [Write::Marker(row, _)] => Some(statement(&table.name, row)),
        _ => None,
    });
    let statements = match statements.collect::<Result<Vec<_>, _>>() {
        Ok(statements) => statements,
        Err(error) => {
            tried.verdicts = all(&plans, &Verdict::Failed(Failure::retry(error)));
            return tried;
        }
    };
    let request = table.client.batch_execute_statement().set_statements(Some(statements));
    let answer = match request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await {
        Ok(answer) => answer,
        Err(error) => {
            table.count(None);
            match error.code() {
                code if is_busy(code) => {
                    let reason = format!("DynamoDB BatchExecuteStatement: {}", describe(&error));
                    tried.busy.push((Group::Insert(plans), reason));
                }
                // Refused whole because of one of them: a put tells which.
                Some("ValidationException") => tried.next.push(Group::Put(plans)),
                _ => tried.verdicts = all(&plans, &Verdict::Failed(retry("BatchExecuteStatement", &error))),
            }
            return tried;
        }
    };
    table.count(answer.consumed_capacity());
    tried.read(table, plans, answer.responses()).await;
    tried
}

impl Tried {
    /// Reads what was answered for each statement.
    async fn read(&mut self, table: &Table, plans: Vec<Plan>, responses: &[BatchStatementResponse]) {
        let (mut busy, mut reason) = (Vec::new(), String::new());
        for (plan, response) in plans.into_iter().zip(responses) {
            let error = response.error();
            let verdict = match error.and_then(BatchStatementError::code) {
                None if error.is_none() => Verdict::Done,
                Some(Code::DuplicateItem | Code::ConditionalCheckFailed) => look_up(table, &plan).await,
                Some(Code::ValidationError) => refused(error.and_then(BatchStatementError::message)),
                code if is_busy(code.map(Code::as_str)) => {
                    reason = format!("DynamoDB INSERT: {}", code.map_or("busy", Code::as_str));
                    busy.push(plan);
                    continue;
                }
                code => {
                    Verdict::Failed(Failure::retry(format!("DynamoDB INSERT: {}", code.map_or("failed", Code::as_str))))
                }
            };
            self.verdicts.push((plan.event, verdict));
        }
        self.busy.extend((!busy.is_empty()).then_some((Group::Insert(busy), reason)));
    }
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
