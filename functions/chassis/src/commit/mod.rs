//! Writing a batch's effects: the cheapest write that keeps marker and effect together, and what its failure means per event.

mod cancellation;
pub(crate) mod plan;
mod single_row;
mod transact_write;
mod transaction;

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::commit::plan::{CommitAttempt, Decisions, OnDecision, Plan, WriteBatch, same_for_all};
use crate::commit::single_row::{MAX_STATEMENTS, insert, put};
use crate::commit::transact_write::transact_write;
use crate::commit::transaction::{MAX_WRITES, Transaction};
use crate::dynamodb::table::Table;
use crate::{Failure, Outcome, backoff};

/// Writes every plan whose conditions hold, and decides each. Waits for other writers, but not past the deadline. All that can be
/// written is written before each pause, so no plan waits for a row that only another plan needs.
pub(crate) async fn commit(table: &Table, plans: Vec<Plan>, deadline: Instant, on_decision: OnDecision<'_>) {
    let decide = |decisions: Decisions| decisions.into_iter().for_each(|(event, outcome)| on_decision(event, outcome));
    let (mut open, too_large) = write_batches(plans);
    decide(too_large);
    for pass in 0.. {
        let mut retry_later = Vec::new();
        while let Some(batch) = open.pop_front() {
            let attempt: CommitAttempt = match batch {
                WriteBatch::Transaction(plans) => transact_write(table, plans, pass).await,
                WriteBatch::Insert(plans) => insert(table, plans).await,
                WriteBatch::Put(plans) => put(table, plans).await,
            };
            decide(attempt.decisions);
            open.extend(attempt.retry_now);
            retry_later.extend(attempt.retry_later);
        }
        let pause = backoff::contention(pass);
        if retry_later.is_empty() || Instant::now() + pause >= deadline {
            for (batch, reason) in retry_later {
                decide(give_up(&batch, &reason));
            }
            break;
        }
        tokio::time::sleep(pause).await;
        open = retry_later.into_iter().map(|(batch, _)| batch).collect();
    }
}

/// Chooses how each plan is written. A lone row costs half of what it costs in a transaction; several lone rows travel in one call.
/// Also returns the decisions about events that are too large for any request.
fn write_batches(plans: Vec<Plan>) -> (VecDeque<WriteBatch>, Decisions) {
    let (single, several): (Vec<_>, Vec<_>) = plans.into_iter().partition(|plan| plan.writes.len() == 1);
    let (mut insertable, mut puttable): (Vec<_>, Vec<_>) = single.into_iter().partition(is_insertable);
    if insertable.len() == 1 {
        puttable.append(&mut insertable);
    }
    let mut batches: VecDeque<_> =
        insertable.chunks(MAX_STATEMENTS).map(|chunk| WriteBatch::Insert(chunk.to_vec())).collect();
    if !puttable.is_empty() {
        batches.push_back(WriteBatch::Put(puttable));
    }
    let (transactions, too_large) = fill_transactions(several);
    batches.extend(transactions.into_iter().map(WriteBatch::Transaction));
    (batches, too_large)
}

/// Whether a PartiQL `INSERT`, which is conditional by nature, can write the plan. A row with an outbox takes a conditional put,
/// since the local cloud does not show inserted rows to the stream.
fn is_insertable(plan: &Plan) -> bool {
    plan.writes.only_marker().is_some_and(|row| !row.attributes.contains_key("outbox"))
}

fn give_up(batch: &WriteBatch, reason: &str) -> Decisions {
    let (WriteBatch::Transaction(plans) | WriteBatch::Insert(plans) | WriteBatch::Put(plans)) = batch;
    same_for_all(plans, &Outcome::Failed(Failure::retry(reason)))
}

/// Fills transactions in order. An event that alone is too large for one is rejected.
fn fill_transactions(plans: Vec<Plan>) -> (Vec<Vec<Plan>>, Decisions) {
    let mut too_large = Vec::new();
    let mut chunks: Vec<Vec<Plan>> = Vec::new();
    let mut open = Transaction::default();
    for plan in plans {
        if plan.writes.len() > MAX_WRITES {
            let reason = format!("{} writes; one transaction takes {MAX_WRITES}", plan.writes.len());
            too_large.push((plan.event, Some(Outcome::Failed(Failure::reject("too_many_effects", reason)))));
            continue;
        }
        let fits = open.add(plan.event, &plan.writes);
        if !fits {
            open = Transaction::default();
            open.add(plan.event, &plan.writes);
        }
        match chunks.last_mut() {
            Some(chunk) if fits => chunk.push(plan),
            _ => chunks.push(vec![plan]),
        }
    }
    (chunks, too_large)
}
