//! What one event writes, and what an attempt to write it decided.

use std::collections::BTreeSet;

use switchyard_events::EventId;

use crate::dynamodb::item::{Item, text_of};
use crate::dynamodb::write::WriteSet;
use crate::{Failure, Outcome};

/// What one event writes, its marker included.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The event's index in the batch.
    pub event: usize,
    pub event_id: EventId,
    pub writes: WriteSet,
}

impl Plan {
    /// What it means that the row of this event's marker already exists: an earlier delivery of the event wrote it, or the author
    /// recorded a row under a key that is not unique per event; if it was recorded once for several events, an earlier one came first.
    pub(crate) fn outcome_of_existing_marker(&self, item: Option<&Item>) -> Option<Outcome> {
        match item.map(|item| text_of(item, "event_id")) {
            None => None,
            Some(Some(event_id)) if event_id == self.event_id.as_str() => Some(Outcome::Duplicate),
            Some(_) if self.writes.first_event_wins => Some(Outcome::Duplicate),
            Some(_) => Some(Outcome::Failed(Failure::reject(
                "key_taken",
                "the recorded row's key belongs to another event; record() needs a key that is new for every event",
            ))),
        }
    }
}

/// For each event, by its index in the batch, its outcome. `None`: a condition of its handler failed, so the handler must run
/// again on fresh reads.
pub(crate) type Decisions = Vec<(usize, Option<Outcome>)>;

/// Receives each decision as soon as it is known: a commit that is cancelled at the deadline has decided some events already.
pub(crate) type OnDecision<'a> = &'a dyn Fn(usize, Option<Outcome>);

/// Plans that are written in one way.
#[derive(Debug)]
pub(crate) enum WriteBatch {
    /// All in one `TransactWriteItems`.
    Transaction(Vec<Plan>),
    /// One PartiQL `INSERT` each, in one `BatchExecuteStatement`.
    Insert(Vec<Plan>),
    /// One conditional `PutItem` each.
    Put(Vec<Plan>),
}

/// What one attempt to write a batch decided.
#[derive(Debug, Default)]
pub(crate) struct CommitAttempt {
    /// The events that are decided.
    pub decisions: Decisions,
    /// Batches to write without a pause: what is left when others are taken out, or each plan alone.
    pub retry_now: Vec<WriteBatch>,
    /// Batches to write after a pause, since other writers or throttling prevented them, and DynamoDB's reason.
    pub retry_later: Vec<(WriteBatch, String)>,
}

impl CommitAttempt {
    /// Retries what is left of a transaction.
    pub(crate) fn retry_transaction(&mut self, plans: Vec<Plan>) {
        if !plans.is_empty() {
            self.retry_now.push(WriteBatch::Transaction(plans));
        }
    }

    /// Other requests write to rows of some plans. In the first pass all plans wait: the conflict is mostly over in a moment, and
    /// one call costs less than two. Later the plans without a conflict go ahead.
    pub(crate) fn wait_for_other_writers(
        &mut self,
        plans: Vec<Plan>,
        contended: &BTreeSet<usize>,
        reason: String,
        pass: u32,
    ) {
        let (waiting, free): (Vec<_>, Vec<_>) =
            plans.into_iter().partition(|plan| pass == 0 || contended.contains(&plan.event));
        self.retry_later.push((WriteBatch::Transaction(waiting), reason));
        self.retry_transaction(free);
    }

    /// One of these plans caused the rejection. A lone plan is the cause; several are retried one by one.
    pub(crate) fn retry_each_alone(&mut self, plans: Vec<Plan>, outcome: Outcome) {
        if let [plan] = plans.as_slice() {
            self.decisions.push((plan.event, Some(outcome)));
        } else {
            self.retry_now.extend(plans.into_iter().map(|plan| WriteBatch::Transaction(vec![plan])));
        }
    }
}

/// The same outcome for every plan.
pub(crate) fn same_for_all(plans: &[Plan], outcome: &Outcome) -> Decisions {
    plans.iter().map(|plan| (plan.event, Some(outcome.clone()))).collect()
}

/// DynamoDB will never accept this write.
pub(crate) fn refused(message: Option<&str>) -> Outcome {
    Outcome::Failed(Failure::reject("effects_refused", message.unwrap_or("DynamoDB refused the write")))
}
