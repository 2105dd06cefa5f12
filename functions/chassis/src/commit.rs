//! Writing a batch's effects: the cheapest write that keeps the promise, and what its failure means for each event.

use std::collections::VecDeque;

use switchyard_events::EventId;
use tokio::time::Instant;

use crate::joint::transact;
use crate::lone::{MAX_STATEMENTS, insert, put};
use crate::transaction::{MAX_WRITES, Transaction, Write};
use crate::{Failure, Item, Table, backoff, text_of};

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

/// Plans that are written in one way.
#[derive(Debug)]
pub(crate) enum Group {
    /// In one transaction.
    Joint(Vec<Plan>),
    /// One statement each, in one call.
    Insert(Vec<Plan>),
    /// One call each.
    Put(Vec<Plan>),
}

/// What a try of a group came to.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    /// The plans that are decided.
    pub verdicts: Verdicts,
    /// Groups that can be tried at once: what is left when others are taken out, or each by itself.
    pub next: Vec<Group>,
    /// Groups that others are in the way of, and what DynamoDB says: they can be tried after a pause.
    pub busy: Vec<(Group, String)>,
}

/// Writes every plan whose conditions hold, and says what became of each. Waits for other writers, but not past the deadline; and
/// nobody waits for what another plan waits for, since all that can be written is written before each pause.
pub(crate) async fn commit(table: &Table, plans: Vec<Plan>, deadline: Instant) -> Verdicts {
    let mut verdicts = Vec::new();
    let mut open = groups(plans, &mut verdicts);
    for pass in 0.. {
        let mut busy = Vec::new();
        while let Some(group) = open.pop_front() {
            let tried = match group {
                Group::Joint(plans) => transact(table, plans, pass).await,
                Group::Insert(plans) => insert(table, plans).await,
                Group::Put(plans) => put(table, plans).await,
            };
            verdicts.extend(tried.verdicts);
            open.extend(tried.next);
            busy.extend(tried.busy);
        }
        let pause = backoff::contention(pass);
        if busy.is_empty() || Instant::now() + pause >= deadline {
            verdicts.extend(busy.into_iter().flat_map(|(group, reason)| give_up(&group, &reason)));
            break;
        }
        tokio::time::sleep(pause).await;
        open = busy.into_iter().map(|(group, _)| group).collect();
    }
    verdicts
}

fn groups(plans: Vec<Plan>, verdicts: &mut Verdicts) -> VecDeque<Group> {
    let (lone, joint): (Vec<_>, Vec<_>) = plans.into_iter().partition(|plan| plan.writes.len() == 1);
    let (mut insertable, mut puttable): (Vec<_>, Vec<_>) = lone.into_iter().partition(insertable);
    if insertable.len() == 1 {
        puttable.append(&mut insertable);
    }
    let mut groups: VecDeque<_> =
        insertable.chunks(MAX_STATEMENTS).map(|chunk| Group::Insert(chunk.to_vec())).collect();
    if !puttable.is_empty() {
        groups.push_back(Group::Put(puttable));
    }
    groups.extend(chunks(joint, verdicts).into_iter().map(Group::Joint));
    groups
}

fn give_up(group: &Group, reason: &str) -> Verdicts {
    let (Group::Joint(plans) | Group::Insert(plans) | Group::Put(plans)) = group;
    all(plans, &Verdict::Failed(Failure::retry(reason)))
}

/// Whether this error, or this reason for which one write of several failed, is about the moment: others write to the same row,
/// or there is too much to do.
pub(crate) fn is_busy(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "TransactionConflict"
                | "TransactionConflictException"
                | "TransactionInProgressException"
                | "ProvisionedThroughputExceeded"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "ThrottlingError"
                | "ThrottlingException"
        )
    )
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
