//! Writing a batch's effects: the cheapest write that keeps the promise, and what its failure means for each event.

use switchyard_events::EventId;
use tokio::time::Instant;

use crate::joint::transact;
use crate::lone::{MAX_STATEMENTS, insert, put};
use crate::transaction::{MAX_WRITES, Transaction, Write};
use crate::{Failure, Item, Table, text_of};

/// What one event wants written: its marker first.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub event: usize,
    pub event_id: EventId,
    pub writes: Vec<Write>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// Written now.
    Done,
    /// Written before.
    Duplicate,
    /// A condition of its handler failed: run it again on fresh reads.
    Again,
    /// Not written.
    Failed(Failure),
}

pub(crate) type Verdicts = Vec<(usize, Verdict)>;

/// Writes every plan whose conditions hold, and says what became of each. Waits for other writers, but not past the deadline.
pub(crate) async fn commit(table: &Table, plans: Vec<Plan>, deadline: Instant) -> Verdicts {
    let (lone, joint): (Vec<_>, Vec<_>) = plans.into_iter().partition(|plan| plan.writes.len() == 1);
    let (mut insertable, puttable): (Vec<_>, Vec<_>) = lone.into_iter().partition(insertable);
    let mut verdicts = Vec::new();
    let mut puttable = puttable;
    if insertable.len() == 1 {
        puttable.append(&mut insertable);
    }
    for chunk in insertable.chunks(MAX_STATEMENTS) {
        verdicts.extend(insert(table, chunk).await);
    }
    for plan in &puttable {
        verdicts.push((plan.event, put(table, plan).await));
    }
    for chunk in chunks(joint, &mut verdicts) {
        verdicts.extend(transact(table, chunk, deadline).await);
    }
    verdicts
}

/// A lone row that nothing has to see twice: PartiQL's `INSERT` is conditional by nature. Where a row carries an outbox, or
/// replaces one of an earlier generation, it takes a conditional put.
fn insertable(plan: &Plan) -> bool {
    matches!(plan.writes.as_slice(), [Write::Marker(row, 0 | 1)] if !row.attributes.contains_key("outbox"))
}

/// Fills transactions in order; an event that alone is too large for one is refused.
fn chunks(plans: Vec<Plan>, verdicts: &mut Verdicts) -> Vec<Vec<Plan>> {
    let mut chunks: Vec<Vec<Plan>> = Vec::new();
    let mut open = Transaction::default();
    for plan in plans {
        if plan.writes.len() > MAX_WRITES {
            let reason = format!("{} writes; one transaction takes {MAX_WRITES}", plan.writes.len());
            verdicts.push((plan.event, Verdict::Failed(Failure::reject("too_many_effects", reason))));
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
    chunks
}

/// A row lies where the marker should go: this event's own, or an author's mistake.
pub(crate) fn taken(item: Option<&Item>, plan: &Plan) -> Verdict {
    match item.map(|item| text_of(item, "event_id")) {
        None => Verdict::Again,
        Some(Some(event_id)) if event_id == plan.event_id.as_str() => Verdict::Duplicate,
        Some(_) => Verdict::Failed(Failure::reject(
            "key_taken",
            "the recorded row's key belongs to another event; record() needs a key that is new for every event",
        )),
    }
}

pub(crate) fn refused(message: Option<&str>) -> Verdict {
    Verdict::Failed(Failure::reject("effects_refused", message.unwrap_or("DynamoDB refused the write")))
}

pub(crate) fn all(plans: &[Plan], verdict: &Verdict) -> Verdicts {
    plans.iter().map(|plan| (plan.event, verdict.clone())).collect()
}
