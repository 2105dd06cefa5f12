//! Events that write several rows: one transaction for as many of them as fit.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, ReturnConsumedCapacity};
use tokio::time::Instant;

use crate::commit::{Plan, Verdict, Verdicts, all, refused, taken};
use crate::table::{describe, retry};
use crate::transaction::{Transaction, Write};
use crate::{Failure, Table, backoff};

/// Writes plans in one transaction. Plans that turn out to be duplicates, or whose handler must run again, are taken out and the
/// rest is written; where it cannot be told who is to blame, each is written alone.
pub(crate) async fn transact(table: &Table, mut plans: Vec<Plan>, deadline: Instant) -> Verdicts {
    let mut verdicts = Vec::new();
    for attempt in 0.. {
        if plans.is_empty() {
            break;
        }
        let mut transaction = Transaction::default();
        for plan in &plans {
            transaction.add(plan.event, &plan.writes);
        }
        let error = match send(table, &transaction).await {
            Ok(()) => {
                verdicts.extend(all(&plans, &Verdict::Done));
                break;
            }
            Err(error) => error,
        };
        let (found, waiting) = match &error {
            Trouble::Cancelled(reasons) => blame(&transaction, reasons, &plans),
            Trouble::Throttled => (HashMap::new(), true),
            Trouble::Invalid(message) if plans.len() == 1 => {
                (plans.iter().map(|plan| (plan.event, refused(Some(message)))).collect(), false)
            }
            Trouble::Invalid(_) => (HashMap::new(), false),
            Trouble::Other(failure) => {
                verdicts.extend(all(&plans, &Verdict::Failed(failure.clone())));
                break;
            }
        };
        let wait = backoff::contention(attempt);
        if !found.is_empty() {
            plans.retain(|plan| !found.contains_key(&plan.event));
            verdicts.extend(found);
        } else if waiting && Instant::now() + wait < deadline {
            tokio::time::sleep(wait).await;
        } else if waiting || plans.len() == 1 {
            verdicts
                .extend(all(&plans, &Verdict::Failed(Failure::retry(format!("DynamoDB TransactWriteItems: {error}")))));
            break;
        } else {
            for plan in plans {
                verdicts.extend(Box::pin(transact(table, vec![plan], deadline)).await);
            }
            break;
        }
    }
    verdicts
}

/// Why a transaction was not written.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("cancelled: {}", codes(.0))]
    Cancelled(Vec<CancellationReason>),
    #[error("throttled")]
    Throttled,
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Other(Failure),
}

fn codes(reasons: &[CancellationReason]) -> String {
    let mut codes: Vec<_> =
        reasons.iter().filter_map(CancellationReason::code).filter(|code| *code != "None").collect();
    codes.sort_unstable();
    codes.dedup();
    codes.join(", ")
}

async fn send(table: &Table, transaction: &Transaction) -> Result<(), Trouble> {
    let actions = transaction.actions(&table.name).map_err(|error| Trouble::Invalid(error.to_string()))?;
    let request = table.client.transact_write_items().set_transact_items(Some(actions));
    match request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await {
        Ok(answer) => {
            table.count(answer.consumed_capacity());
            Ok(())
        }
        Err(error) => {
            table.count(None);
            Err(trouble(&error))
        }
    }
}

fn trouble(error: &SdkError<TransactWriteItemsError>) -> Trouble {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            Trouble::Cancelled(cancelled.cancellation_reasons().to_vec())
        }
        Some(
            TransactWriteItemsError::ProvisionedThroughputExceededException(_)
            | TransactWriteItemsError::RequestLimitExceeded(_)
            | TransactWriteItemsError::TransactionInProgressException(_),
        ) => Trouble::Throttled,
        Some(service) if service.code() == Some("ThrottlingException") => Trouble::Throttled,
        Some(service) if service.code() == Some("ValidationException") => Trouble::Invalid(describe(error)),
        _ => Trouble::Other(retry("TransactWriteItems", error)),
    }
}

/// Reads the reasons of a cancelled transaction: which events are decided by it, and whether waiting may help the others.
fn blame(transaction: &Transaction, reasons: &[CancellationReason], plans: &[Plan]) -> (HashMap<usize, Verdict>, bool) {
    let mut found = HashMap::new();
    let mut waiting = false;
    for (place, reason) in reasons.iter().enumerate() {
        let Some((write, owners)) = transaction.write(place) else {
            continue;
        };
        match reason.code().unwrap_or("None") {
            "None" => {}
            "ConditionalCheckFailed" => {
                for &event in owners {
                    let plan = plans.iter().find(|plan| plan.event == event);
                    match (write, plan) {
                        // A duplicate stays one, whatever else of it failed.
                        (Write::Marker(..), Some(plan)) => drop(found.insert(event, taken(reason.item(), plan))),
                        _ => drop(found.entry(event).or_insert(Verdict::Again)),
                    }
                }
            }
            "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded" => waiting = true,
            // ValidationError, ItemCollectionSizeLimitExceeded, and whatever is new.
            _ => {
                if let [event] = owners {
                    found.entry(*event).or_insert_with(|| refused(reason.message()));
                }
            }
        }
    }
    (found, waiting)
}
