//! Events whose effect is outside DynamoDB: claim a lease, send, complete.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
};
use futures_util::FutureExt;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::prelude::ToPrimitive;
use switchyard_events::EventId;
use tokio::time::Instant;

use crate::aws_error::{dynamodb_failure, is_contention};
use crate::delivery::apply::Apply;
use crate::delivery::dedup::{DedupConfig, marker_key, marker_key_of, stamp};
use crate::dynamodb::expression::Placeholders;
use crate::dynamodb::table::Usage;
use crate::{
    Clock, Condition, Failure, Item, Key, Outcome, Received, Row, SendError, Sender, Sent, Table, Update, backoff,
    count_of, number_of, panics, text_of,
};

/// Applies events by sending them under a lease.
pub struct Leased<S> {
    pub(crate) sender: S,
    pub(crate) table: Table,
    pub(crate) clock: Clock,
    pub(crate) lease: SignedDuration,
    pub(crate) dedup: DedupConfig,
}

/// How often a claim that meets another write is retried before the message is returned: about a second, beside the SDK's own
/// retries.
const MAX_CLAIM_RETRIES: u32 = 8;

/// The least time that must be left to begin a send: enough for an answer and for completing the lease.
const MIN_SEND_TIME: Duration = Duration::from_secs(3);

/// After this many sends without an answer an event is dead-lettered.
const MAX_UNRESOLVED_SENDS: u32 = 5;

/// How often completing a lease is attempted.
const MAX_COMPLETE_ATTEMPTS: u32 = 5;

/// The answer to a request for the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claim {
    /// This worker holds the lease.
    Acquired(Lease),
    /// Another worker holds the lease.
    InFlight {
        /// When that lease ends.
        until: Timestamp,
    },
    /// The event was sent before.
    Completed,
}

/// The answer to an update of a row that must be free.
enum FreeRow {
    /// The row was free. The attributes that were written.
    Written(Option<Item>),
    /// The row was not free. Its attributes; `None` if DynamoDB did not send them.
    Taken(Option<Item>),
}

/// A lease that this worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The fencing token: random, so that no other worker has the same.
    owner: String,
    /// How many earlier sends of this event ended without a known outcome: no answer came, or the process ended.
    unresolved_sends: u32,
}

impl<S: Sender> Apply for Leased<S> {
    const NAME: &'static str = S::NAME;
    type Event = S::Event;

    async fn apply(&self, events: &[Received<S::Event>], deadline: Instant) -> Vec<Outcome> {
        join_all(events.iter().map(async |event| {
            if Instant::now() >= deadline {
                return Outcome::Failed(out_of_time());
            }
            // Not cancelled at the deadline: after sending, the remaining time is needed to complete the lease.
            self.apply_one(event, deadline).await.unwrap_or_else(Outcome::Failed)
        }))
        .await
    }

    fn take_usage(&self) -> Usage {
        self.table.take_usage()
    }
}

impl<S: Sender> Leased<S> {
    async fn apply_one(&self, event: &Received<S::Event>, deadline: Instant) -> Result<Outcome, Failure> {
        if let Some(superseded) = self.sender.supersedes(event)
            && let Some(until) = self.supersede(event, &superseded).await?
        {
            return Ok(self.defer_until(until));
        }
        let lease = match self.claim(event).await? {
            Claim::Completed => return Ok(Outcome::Duplicate),
            Claim::InFlight { until } => return Ok(self.defer_until(until)),
            Claim::Acquired(lease) => lease,
        };
        if let Err(failure) = self.check_before_send(&lease, deadline).await {
            self.release(event, &lease, matches!(failure, Failure::Reject { .. })).await;
            return Err(failure);
        }
        let pending = tokio::time::timeout_at(deadline, AssertUnwindSafe(self.sender.send(event)).catch_unwind());
        let unknown = |failure| Err(SendError::OutcomeUnknown(failure));
        let result = match pending.await {
            Ok(sent) => sent.unwrap_or_else(|_| unknown(panics::failure())),
            Err(_) => unknown(Failure::retry("no answer came in time; the effect may have happened")),
        };
        match result {
            Ok(sent) => self.complete(event, &lease.owner, &sent).await,
            Err(SendError::NotSent(failure)) => {
                self.release(event, &lease, false).await;
                Err(failure)
            }
            // The lease stays: a retry before its end could repeat the effect within seconds.
            Err(SendError::OutcomeUnknown(Failure::Retry { reason, .. })) => {
                Err(Failure::Retry { reason, after: Some(self.wait_after_unknown_outcome(&lease)) })
            }
            Err(SendError::OutcomeUnknown(failure)) => Err(failure),
        }
    }

    fn defer_until(&self, until: Timestamp) -> Outcome {
        let left = Duration::try_from(until.duration_since(self.clock.now())).unwrap_or_default();
        Outcome::Deferred(left.max(Duration::from_secs(1)))
    }

    /// The claim may have waited for other writers; and a send whose outcome is unknown is repeated only if the other system
    /// answers at all, and not forever.
    async fn check_before_send(&self, lease: &Lease, deadline: Instant) -> Result<(), Failure> {
        if Instant::now() + MIN_SEND_TIME > deadline {
            return Err(out_of_time());
        }
        if lease.unresolved_sends >= MAX_UNRESOLVED_SENDS {
            let reason = format!(
                "{MAX_UNRESOLVED_SENDS} sends ended without an answer; the effect may have happened. Look it up, then \
                                  redrive to send again, or discard"
            );
            return Err(Failure::reject("send_outcome_unknown", reason));
        }
        if lease.unresolved_sends > 0 {
            self.sender.probe().await?;
        }
        Ok(())
    }

    /// The lease's time, doubled with each send whose outcome is unknown.
    fn wait_after_unknown_outcome(&self, lease: &Lease) -> Duration {
        let lease_time = Duration::try_from(self.lease).unwrap_or_default();
        lease_time.saturating_mul(2u32.saturating_pow(lease.unresolved_sends))
    }

    /// Takes the lease if it is free or has ended.
    async fn claim(&self, event: &Received<S::Event>) -> Result<Claim, Failure> {
        let now = self.clock.now();
        let owner = format!("{:032x}", fastrand::u128(..));
        let set = "SET event_id = :event, #owner = :owner, lease_until = :until, expires_at = :expires";
        let update = self
            .update_of_free_row(&marker_key(event), &event.metadata.event_id, now)
            .update_expression(format!("{set} ADD unresolved_sends :one"))
            .expression_attribute_values(":owner", AttributeValue::S(owner.clone()))
            .expression_attribute_values(":until", AttributeValue::N((now + self.lease).as_millisecond().to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        Ok(match self.write_free_row(update).await? {
            FreeRow::Written(row) => Claim::Acquired(Lease::from_row(owner, row.as_ref())),
            FreeRow::Taken(row) => claim_from_existing_row(row.as_ref(), owner),
        })
    }

    /// Marks an event of the same aggregate as done, unless it was sent. From then on its lease cannot be taken. Returns the end of its
    /// lease if a worker is sending it now.
    async fn supersede(&self, event: &Received<S::Event>, superseded: &EventId) -> Result<Option<Timestamp>, Failure> {
        let now = self.clock.now();
        let set = "SET event_id = :event, superseded_by = :by, processed_at = :at, expires_at = :expires";
        let update = self
            .update_of_free_row(&marker_key_of(event, superseded), superseded, now)
            .update_expression(format!("{set} REMOVE #owner, lease_until, unresolved_sends"))
            .expression_attribute_values(":by", AttributeValue::S(event.metadata.event_id.as_str().to_owned()))
            .expression_attribute_values(":at", crate::Value::from(now).0);
        Ok(match self.write_free_row(update).await? {
            FreeRow::Written(_) => None,
            FreeRow::Taken(row) => match claim_from_existing_row(row.as_ref(), String::new()) {
                Claim::InFlight { until } => Some(until),
                Claim::Acquired(_) | Claim::Completed => None,
            },
        })
    }

    /// An update of an event's row under the condition that the event was not sent and that no worker is sending it. The caller adds what
    /// is written; `:event`, `:expires` and `#owner` are defined.
    fn update_of_free_row(&self, key: &Key, event_id: &EventId, now: Timestamp) -> UpdateItemFluentBuilder {
        let number = |number: i64| AttributeValue::N(number.to_string());
        let update = self.table.client.update_item().table_name(&self.table.name).set_key(Some(key.to_item()));
        update
            .condition_expression(
                "attribute_not_exists(pk) OR (attribute_not_exists(processed_at) AND lease_until <= :now)",
            )
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":event", AttributeValue::S(event_id.as_str().to_owned()))
            .expression_attribute_values(":expires", number(self.dedup.expires_at(now)))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
    }

    /// Sends such an update, again if it meets other writers.
    async fn write_free_row(&self, update: UpdateItemFluentBuilder) -> Result<FreeRow, Failure> {
        let mut attempt = 0;
        loop {
            let error = match update.clone().send().await {
                Ok(answer) => {
                    self.table.count(answer.consumed_capacity());
                    return Ok(FreeRow::Written(answer.attributes));
                }
                Err(error) => error,
            };
            self.table.count(None);
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(taken)) => {
                    return Ok(FreeRow::Taken(taken.item().cloned()));
                }
                Some(service) if is_contention(service.code()) && attempt < MAX_CLAIM_RETRIES => {
                    tokio::time::sleep(backoff::contention(attempt)).await;
                    attempt += 1;
                }
                _ => return Err(dynamodb_failure("UpdateItem", &error)),
            }
        }
    }

    /// Completes the lease. Changes nothing if another worker owns it now; that worker completes it instead.
    async fn complete(&self, event: &Received<S::Event>, owner: &str, sent: &Sent) -> Result<Outcome, Failure> {
        let stamped = stamp(Row::new(marker_key(event)), event, self.clock.now());
        let mut update = Update::new()
            .set("reference", sent.reference.as_str())
            .remove("owner")
            .remove("lease_until")
            .remove("unresolved_sends");
        for (name, value) in stamped.attributes {
            update = update.set(&name, crate::Value(value));
        }
        for attempt in 0..MAX_COMPLETE_ATTEMPTS {
            match self.update_if(&marker_key(event), &update.clone().when(Condition::equals("owner", owner))).await {
                Ok(true) => return Ok(Outcome::Applied),
                Ok(false) => {
                    tracing::warn!(
                        event_id = event.metadata.event_id.as_str(),
                        "the lease had ended before it was completed"
                    );
                    return Ok(Outcome::Duplicate);
                }
                Err(failure) if attempt + 1 == MAX_COMPLETE_ATTEMPTS => return Err(failure),
                Err(_) => tokio::time::sleep(backoff::contention(attempt)).await,
            }
        }
        Err(Failure::retry("not completed"))
    }

    /// Ends the lease now, since nothing was sent, so that the next attempt need not wait. If this fails, the lease ends at its time.
    /// With `forget`, earlier sends with an unknown outcome no longer count: a person decides about the event.
    async fn release(&self, event: &Received<S::Event>, lease: &Lease, forget: bool) {
        let update = Update::new()
            .set("lease_until", 0_i64)
            .remove("owner")
            .when(Condition::equals("owner", lease.owner.as_str()));
        let update = if forget { update.remove("unresolved_sends") } else { update.add("unresolved_sends", -1) };
        if let Err(failure) = self.update_if(&marker_key(event), &update).await {
            tracing::warn!(error = %failure, "the lease could not be released; it ends at its time");
        }
    }

    /// Updates a row under a condition. Returns false if the condition does not hold.
    async fn update_if(&self, key: &Key, update: &Update) -> Result<bool, Failure> {
        let mut placeholders = Placeholders::default();
        let (expression, condition) = update.to_expression(&mut placeholders);
        let (names, values) = placeholders.finish();
        let request = self.table.client.update_item().table_name(&self.table.name).set_key(Some(key.to_item()));
        let request = request
            .update_expression(expression)
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match request.send().await {
            Ok(answer) => {
                self.table.count(answer.consumed_capacity());
                Ok(true)
            }
            Err(error) => {
                self.table.count(None);
                match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                    _ => Err(dynamodb_failure("UpdateItem", &error)),
                }
            }
        }
    }
}

impl Lease {
    /// Reads what the claim wrote. The claim counted its own send, which has not happened yet.
    fn from_row(owner: String, row: Option<&Item>) -> Self {
        let sends = row.and_then(|row| count_of(row, "unresolved_sends")).unwrap_or(1);
        Self { owner, unresolved_sends: u32::try_from(sends).unwrap_or(u32::MAX).saturating_sub(1) }
    }
}

fn out_of_time() -> Failure {
    Failure::retry("returned to the queue: no time was left")
}

/// What an existing row means for a claim. The row may be this claim's own: written by a call whose answer was lost, so that the SDK
/// retried it.
fn claim_from_existing_row(item: Option<&Item>, owner: String) -> Claim {
    let Some(item) = item else {
        return Claim::InFlight { until: Timestamp::UNIX_EPOCH };
    };
    if item.contains_key("processed_at") {
        return Claim::Completed;
    }
    if text_of(item, "owner") == Some(owner.as_str()) {
        return Claim::Acquired(Lease::from_row(owner, Some(item)));
    }
    let until = number_of(item, "lease_until").and_then(|ms| ms.to_i64()).unwrap_or_default();
    Claim::InFlight { until: Timestamp::from_millisecond(until).unwrap_or(Timestamp::UNIX_EPOCH) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn existing_lease_is_own_foreign_or_completed() {
        let row = Row::new(Key::new("ORDER#1", "EVENT#1")).set("owner", "own").set("lease_until", 5000_i64);
        let claim = |row: &Row, owner: &str| claim_from_existing_row(Some(&row.clone().into_item()), owner.to_owned());
        assert_eq!(claim(&row, "own"), Claim::Acquired(Lease { owner: "own".into(), unresolved_sends: 0 }));
        let until = Timestamp::from_second(5).unwrap();
        assert_eq!(claim(&row, "another"), Claim::InFlight { until });
        let completed = row.set("processed_at", until);
        assert_eq!(claim(&completed, "own"), Claim::Completed);
    }
}
