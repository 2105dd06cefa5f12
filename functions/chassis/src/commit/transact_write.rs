//! Events that write several rows: one transaction for as many of them as fit.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, ReturnConsumedCapacity};

use crate::aws_error::{describe, dynamodb_failure, is_contention};
use crate::commit::cancellation::classify_cancellation;
use crate::commit::plan::{CommitAttempt, Plan, WriteBatch, refused, same_for_all};
use crate::commit::transaction::Transaction;
use crate::dynamodb::table::Table;
use crate::{Failure, Outcome};

/// Tries to write plans in one transaction. Duplicates, and plans whose handler must run again, are taken out and the rest is
/// retried. Where the reasons do not name the cause, each plan is retried alone.
pub(crate) async fn transact_write(table: &Table, plans: Vec<Plan>, pass: u32) -> CommitAttempt {
    let mut transaction = Transaction::default();
    for plan in &plans {
        transaction.add(plan.event, &plan.writes);
    }
    let mut attempt = CommitAttempt::default();
    let Err(error) = send(table, &transaction).await else {
        attempt.decisions = same_for_all(&plans, &Outcome::Applied);
        return attempt;
    };
    let reason = format!("DynamoDB TransactWriteItems: {error}");
    match error {
        TransactError::Cancelled(reasons) => {
            let summary = classify_cancellation(&transaction, &reasons, &plans);
            if !summary.decided.is_empty() {
                let left = plans.into_iter().filter(|plan| !summary.decided.contains_key(&plan.event)).collect();
                attempt.retry_transaction(left);
                attempt.decisions.extend(summary.decided);
            } else if !summary.contended.is_empty() {
                attempt.wait_for_other_writers(plans, &summary.contended, reason, pass);
            } else {
                attempt.retry_each_alone(plans, Outcome::Failed(Failure::retry(reason)));
            }
        }
        TransactError::Contention(_) => attempt.retry_later.push((WriteBatch::Transaction(plans), reason)),
        TransactError::Invalid(message) => attempt.retry_each_alone(plans, refused(Some(&message))),
        TransactError::Other(failure) => attempt.decisions = same_for_all(&plans, &Outcome::Failed(failure)),
    }
    attempt
}

/// Why a transaction was not written.
#[derive(Debug, thiserror::Error)]
enum TransactError {
    #[error("cancelled: {}", codes(.0))]
    Cancelled(Vec<CancellationReason>),
    #[error("{0}")]
    Contention(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Other(Failure),
}

impl TransactError {
    fn from_sdk(error: &SdkError<TransactWriteItemsError>) -> Self {
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                Self::Cancelled(cancelled.cancellation_reasons().to_vec())
            }
            Some(service) if is_contention(service.code()) => Self::Contention(describe(error)),
            Some(service) if service.code() == Some("ValidationException") => Self::Invalid(describe(error)),
            _ => Self::Other(dynamodb_failure("TransactWriteItems", error)),
        }
    }
}

fn codes(reasons: &[CancellationReason]) -> String {
    let codes = reasons.iter().filter_map(CancellationReason::code).filter(|code| *code != "None");
    codes.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

async fn send(table: &Table, transaction: &Transaction) -> Result<(), TransactError> {
    let actions = transaction.actions(&table.name).map_err(|error| TransactError::Invalid(error.to_string()))?;
    let request = table.client.transact_write_items().set_transact_items(Some(actions));
    match request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await {
        Ok(answer) => {
            table.count(answer.consumed_capacity());
            Ok(())
        }
        Err(error) => {
            table.count(None);
            Err(TransactError::from_sdk(&error))
        }
    }
}
