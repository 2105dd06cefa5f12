//! What the reasons of a cancelled transaction mean for each event.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::CancellationReason;

use crate::Outcome;
use crate::aws_error::is_contention;
use crate::commit::plan::{Plan, refused};
use crate::commit::transaction::{SharedWrite, Transaction};
use crate::dynamodb::write::Write;

/// What a cancelled transaction says about its events, by their index in the batch.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct CancellationSummary {
    /// Events that are decided. `None`: the handler must run again on fresh reads.
    pub decided: BTreeMap<usize, Option<Outcome>>,
    /// Events whose rows other requests write to at the moment, or whose writes are throttled.
    pub contended: BTreeSet<usize>,
}

/// Reads the reasons of a cancelled transaction, one per write in the order of its actions.
pub(crate) fn classify_cancellation(
    transaction: &Transaction,
    reasons: &[CancellationReason],
    plans: &[Plan],
) -> CancellationSummary {
    let mut summary = CancellationSummary::default();
    for (shared, reason) in transaction.writes().iter().zip(reasons) {
        match reason.code().unwrap_or("None") {
            "None" => {}
            "ConditionalCheckFailed" => summary.add_failed_condition(shared, reason, plans),
            code if is_contention(Some(code)) => summary.contended.extend(&shared.events),
            // ValidationError, ItemCollectionSizeLimitExceeded, and codes that are new.
            _ => summary.add_refused_write(shared, reason),
        }
    }
    summary
}

impl CancellationSummary {
    /// An existing marker decides its event, whatever its other writes say. Any other condition asks for a new run.
    fn add_failed_condition(&mut self, shared: &SharedWrite, reason: &CancellationReason, plans: &[Plan]) {
        for &event in &shared.events {
            let plan = plans.iter().find(|plan| plan.event == event);
            match (&shared.write, plan) {
                (Write::Marker(_), Some(plan)) => {
                    self.decided.insert(event, plan.outcome_of_existing_marker(reason.item()));
                }
                _ => {
                    self.decided.entry(event).or_insert(None);
                }
            }
        }
    }

    /// A write that DynamoDB will never accept decides its event, if only one event needs it.
    fn add_refused_write(&mut self, shared: &SharedWrite, reason: &CancellationReason) {
        if let [event] = shared.events.as_slice() {
            self.decided.entry(*event).or_insert_with(|| Some(refused(reason.message())));
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use switchyard_events::EventId;

    use crate::dynamodb::write::WriteSet;
    use crate::{Failure, Item, Key, Row, Update};

    use super::*;

    fn event_id(event: usize) -> EventId {
        EventId::derive("OrderPlaced", &format!("ord_{event}"), 1)
    }

    /// An event that creates its marker and one row of its own, and adds to a row that all events share: three actions for the
    /// first event, two for every other one.
    fn plan(event: usize) -> Plan {
        let mut writes = WriteSet::default();
        writes.insert(Write::Marker(Row::new(Key::new(format!("ORDER#{event}"), "EVENT")))).unwrap();
        writes.insert(Write::PutNew(Row::new(Key::new(format!("ORDER#{event}"), "OWN")))).unwrap();
        writes.insert(Write::Update(Key::new("SUM", "ALL"), Update::new().add("orders", 1))).unwrap();
        Plan { event, event_id: event_id(event), writes }
    }

    fn reason(code: &str) -> CancellationReason {
        let (code, holder) = code.split_once(' ').unwrap_or((code, ""));
        let item = holder.parse().ok().map(|event: usize| {
            Item::from([("event_id".to_owned(), AttributeValue::S(event_id(event).as_str().to_owned()))])
        });
        CancellationReason::builder().code(code).set_item(item).message("message").build()
    }

    /// The codes of the five actions, with the event whose row DynamoDB returned; the decided events; the contended events.
    type Case = ([&'static str; 5], Vec<(usize, Option<Outcome>)>, Vec<usize>);

    /// The actions are: marker 0, own row 0, the shared sum, marker 1, own row 1.
    #[test]
    fn classify_cancellation_decides_each_event_from_mixed_reasons() {
        const FAILED: &str = "ConditionalCheckFailed";
        let again = || None;
        let refused = || Some(Outcome::Failed(Failure::reject("effects_refused", "message")));
        let key_taken = |outcome: &Option<Outcome>| matches!(outcome, Some(Outcome::Failed(Failure::Reject { code, .. })) if code == "key_taken");
        let cases: Vec<Case> = vec![
            (["None"; 5], vec![], vec![]),
            (["ConditionalCheckFailed 0", "None", "None", "None", "None"], vec![(0, Some(Outcome::Duplicate))], vec![]),
            // The own row fails as well, since the earlier delivery created it: still a duplicate.
            (["ConditionalCheckFailed 0", FAILED, "None", "None", "None"], vec![(0, Some(Outcome::Duplicate))], vec![]),
            // DynamoDB returned no item: it is gone again, so the handler runs again.
            ([FAILED, "None", "None", "None", "None"], vec![(0, again())], vec![]),
            (["None", FAILED, "None", "None", "None"], vec![(0, again())], vec![]),
            (["None", "None", FAILED, "None", "None"], vec![(0, again()), (1, again())], vec![]),
            (
                ["None", "None", FAILED, "ConditionalCheckFailed 1", "None"],
                vec![(0, again()), (1, Some(Outcome::Duplicate))],
                vec![],
            ),
            (["None", "None", "TransactionConflict", "None", "None"], vec![], vec![0, 1]),
            (["None", "None", "None", "TransactionConflict", "ThrottlingError"], vec![], vec![1]),
            (
                ["ConditionalCheckFailed 0", "None", "TransactionConflict", "None", "None"],
                vec![(0, Some(Outcome::Duplicate))],
                vec![0, 1],
            ),
            (
                ["None", "ValidationError", "None", "None", "ProvisionedThroughputExceeded"],
                vec![(0, refused())],
                vec![1],
            ),
            // A refused write that both events need does not name the cause.
            (["None", "None", "ValidationError", "None", "None"], vec![], vec![]),
            (
                ["None", "ItemCollectionSizeLimitExceeded", "None", FAILED, "None"],
                vec![(0, refused()), (1, again())],
                vec![],
            ),
            // A failed condition of the same event came first: the new run decides.
            (["None", FAILED, "None", "None", "SomethingNew"], vec![(0, again()), (1, refused())], vec![]),
        ];
        let plans = [plan(0), plan(1)];
        let mut transaction = Transaction::default();
        for plan in &plans {
            assert!(transaction.add(plan.event, &plan.writes));
        }
        for (codes, decided, contended) in cases {
            let summary = classify_cancellation(&transaction, &codes.map(reason), &plans);
            let expected = CancellationSummary {
                decided: decided.into_iter().collect(),
                contended: contended.into_iter().collect(),
            };
            assert_eq!(summary, expected, "{codes:?}");
        }
        let foreign = ["ConditionalCheckFailed 1", "None", "None", "None", "None"];
        let summary = classify_cancellation(&transaction, &foreign.map(reason), &plans);
        assert!(key_taken(&summary.decided[&0]), "{summary:?}");
    }
}
