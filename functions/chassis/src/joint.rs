//! Events that write several rows: one transaction for as many of them as fit.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, ReturnConsumedCapacity};

use crate::commit::{Group, Plan, Tried, Verdict, all, is_busy, refused, taken};
use crate::table::{describe, retry};
use crate::transaction::{Transaction, Write};
use crate::{Failure, Table};

/// Tries to write plans in one transaction. Plans that turn out to be duplicates, or whose handler must run again, are taken out;
/// where it cannot be told who is to blame, each is to be tried alone.
pub(crate) async fn transact(table: &Table, plans: Vec<Plan>, pass: u32) -> Tried {
    let mut transaction = Transaction::default();
    for plan in &plans {
        transaction.add(plan.event, &plan.writes);
    }
    let mut tried = Tried::default();
    let error = match send(table, &transaction).await {
        Ok(()) => {
            tried.verdicts = all(&plans, &Verdict::Done);
            return tried;
        }
        Err(error) => error,
    };
    let reason = format!("DynamoDB TransactWriteItems: {error}");
    match error {
        Trouble::Cancelled(reasons) => {
            let Blame { found, waiting } = blame(&transaction, &reasons, &plans);
            let left: Vec<_> = plans.into_iter().filter(|plan| !found.contains_key(&plan.event)).collect();
            match (found.is_empty(), waiting.is_empty()) {
                (false, _) => tried.next.extend((!left.is_empty()).then_some(Group::Joint(left))),
                (true, false) => tried.make_way(left, &waiting, reason, pass),
                (true, true) => tried.each_alone(left, Verdict::Failed(Failure::retry(reason))),
            }
            tried.verdicts.extend(found);
        }
        Trouble::Busy(_) => tried.busy.push((Group::Joint(plans), reason)),
        Trouble::Invalid(message) => tried.each_alone(plans, refused(Some(&message))),
        Trouble::Other(failure) => tried.verdicts = all(&plans, &Verdict::Failed(failure)),
    }
    tried
}

impl Tried {
    /// Others write to rows of some plans. At first all wait, since it is mostly over in a moment and one call costs less than
    /// two; then those with whom nobody interferes go ahead.
    fn make_way(&mut self, plans: Vec<Plan>, waiting: &HashSet<usize>, reason: String, pass: u32) {
        let (waiting, free): (Vec<_>, Vec<_>) =
            plans.into_iter().partition(|plan| pass == 0 || waiting.contains(&plan.event));
        self.busy.push((Group::Joint(waiting), reason));
        self.next.extend((!free.is_empty()).then_some(Group::Joint(free)));
    }

    /// Someone among these is to blame. Who is alone, is.
    fn each_alone(&mut self, mut plans: Vec<Plan>, verdict: Verdict) {
        if plans.len() == 1 {
            self.verdicts.extend(plans.pop().map(|plan| (plan.event, verdict)));
        } else {
            self.next.extend(plans.into_iter().map(|plan| Group::Joint(vec![plan])));
        }
    }
}

/// Why a transaction was not written.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("cancelled: {}", codes(.0))]
    Cancelled(Vec<CancellationReason>),
    #[error("{0}")]
    Busy(String),
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
        Some(service) if is_busy(service.code()) => Trouble::Busy(describe(error)),
        Some(service) if service.code() == Some("ValidationException") => Trouble::Invalid(describe(error)),
        _ => Trouble::Other(retry("TransactWriteItems", error)),
    }
}

/// What the reasons of a cancelled transaction say.
#[derive(Default)]
struct Blame {
    /// The events that are decided by it.
    found: HashMap<usize, Verdict>,
    /// The events whose rows others write to at the moment.
    waiting: HashSet<usize>,
}

/// Reads the reasons of a cancelled transaction, one for each write.
fn blame(transaction: &Transaction, reasons: &[CancellationReason], plans: &[Plan]) -> Blame {
    let mut blame = Blame::default();
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
                        (Write::Marker(..), Some(plan)) => drop(blame.found.insert(event, taken(reason.item(), plan))),
                        _ => drop(blame.found.entry(event).or_insert(Verdict::Again)),
                    }
                }
            }
            code if is_busy(Some(code)) => blame.waiting.extend(owners),
            // ValidationError, ItemCollectionSizeLimitExceeded, and whatever is new.
            _ => {
                if let [event] = owners {
                    blame.found.entry(*event).or_insert_with(|| refused(reason.message()));
                }
            }
        }
    }
    blame
}
