//! Claim, send, complete: the lease around an effect that no transaction can hold.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};
use futures_util::FutureExt;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::prelude::ToPrimitive;
use tokio::time::Instant;

use crate::apply::{Apply, marker_key, stamp};
use crate::commit::is_busy;
use crate::expression::Placeholders;
use crate::table::{Usage, retry};
use crate::{
    Clock, Condition, Failure, Item, Key, Outcome, Received, Row, Sender, Sent, Table, Update, backoff, number_of,
    panics, text_of,
};

/// Applies events by sending them under a lease.
pub struct Leased<S> {
    pub(crate) sender: S,
    pub(crate) table: Table,
    pub(crate) clock: Clock,
    pub(crate) lease: SignedDuration,
    pub(crate) marker_ttl: SignedDuration,
    pub(crate) generation: u32,
}

/// How often a row that is busy is tried again before the message is put back: about a second, the SDK's own tries apart.
const PATIENCE: u32 = 8;

/// What came of asking for the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Ours until it ends; the token proves it.
    Acquired {
        /// Who holds the lease: nobody else has this text.
        owner: String,
    },
    /// Another worker's.
    InFlight {
        /// When its lease ends.
        until: Timestamp,
    },
    /// It was sent before.
    Done,
}

impl<S: Sender> Apply for Leased<S> {
    const NAME: &'static str = S::NAME;
    type Event = S::Event;

    async fn apply(&self, events: &[Received<S::Event>], deadline: Instant) -> Vec<Outcome> {
        let handed_back = || Outcome::Failed(Failure::retry("handed back: no time was left"));
        join_all(events.iter().map(async |event| {
            if Instant::now() >= deadline {
                return handed_back();
            }
            // Not cut off at the deadline: between sending and completing, the time is better spent completing.
            self.one(event).await.unwrap_or_else(Outcome::Failed)
        }))
        .await
    }

    fn take_usage(&self) -> Usage {
        self.table.take_usage()
    }
}

impl<S: Sender> Leased<S> {
    async fn one(&self, event: &Received<S::Event>) -> Result<Outcome, Failure> {
        let owner = match self.claim(event).await? {
            Claim::Done => return Ok(Outcome::Duplicate),
            Claim::InFlight { until } => {
                let left = Duration::try_from(until.duration_since(self.clock.now())).unwrap_or_default();
                return Ok(Outcome::Deferred(left.max(Duration::from_secs(1))));
            }
            Claim::Acquired { owner } => owner,
        };
        let sent = AssertUnwindSafe(self.sender.send(event)).catch_unwind().await;
        match sent.unwrap_or_else(|_| Err(panics::failure())) {
            Ok(sent) => self.complete(event, &owner, &sent).await,
            Err(failure) => {
                self.release(event, &owner).await;
                Err(failure)
            }
        }
    }

    /// Asks for the lease.
    async fn claim(&self, event: &Received<S::Event>) -> Result<Claim, Failure> {
        let now = self.clock.now();
        let owner = format!("{:032x}", fastrand::u128(..));
        let mut row = Row::new(marker_key(event))
            .set("event_id", event.metadata.event_id.as_str())
            .set("owner", owner.as_str())
            .set("lease_until", (now + self.lease).as_millisecond())
            .set("expires_at", now.as_second() + self.marker_ttl.as_secs());
        let mut condition =
            "attribute_not_exists(pk) OR (attribute_not_exists(processed_at) AND lease_until <= :now)".to_owned();
        let mut values = Item::from([(":now".to_owned(), AttributeValue::N(now.as_millisecond().to_string()))]);
        if self.generation > 1 {
            row = row.set("generation", self.generation);
            condition += " OR (attribute_exists(processed_at) AND (attribute_not_exists(generation) OR generation < :generation))";
            values.insert(":generation".to_owned(), AttributeValue::N(self.generation.to_string()));
        }
        let put = self.table.client.put_item().table_name(&self.table.name).set_item(Some(row.into_item()));
        let put = put
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut attempt = 0;
        loop {
            let error = match put.clone().send().await {
                Ok(answer) => {
                    self.table.count(answer.consumed_capacity());
                    return Ok(Claim::Acquired { owner });
                }
                Err(error) => error,
            };
            self.table.count(None);
            match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(held)) => {
                    return Ok(held_already(held.item(), owner));
                }
                Some(busy) if is_busy(busy.code()) && attempt < PATIENCE => {
                    tokio::time::sleep(backoff::contention(attempt)).await;
                    attempt += 1;
                }
                _ => return Err(retry("PutItem", &error)),
            }
        }
    }

    /// Says that it was sent, but only while the lease is ours: whoever took it over since will say so instead.
    async fn complete(&self, event: &Received<S::Event>, owner: &str, sent: &Sent) -> Result<Outcome, Failure> {
        let stamped = stamp(Row::new(marker_key(event)), event, self.clock.now());
        let mut update = Update::new().set("reference", sent.reference.as_str()).remove("owner").remove("lease_until");
        for (name, value) in stamped.attributes {
            update = update.set(&name, crate::Value(value));
        }
        for attempt in 0..5 {
            match self.change(&marker_key(event), &update.clone().when(Condition::equals("owner", owner))).await {
                Ok(true) => return Ok(Outcome::Done),
                Ok(false) => {
                    tracing::warn!(
                        event_id = event.metadata.event_id.as_str(),
                        "the lease had ended before it was completed"
                    );
                    return Ok(Outcome::Duplicate);
                }
                Err(failure) if attempt == 4 => return Err(failure),
                Err(_) => tokio::time::sleep(backoff::contention(attempt)).await,
            }
        }
        Err(Failure::retry("not completed"))
    }

    /// Gives the lease back, so that the next try need not wait for its end. If this fails, the lease just runs out.
    async fn release(&self, event: &Received<S::Event>, owner: &str) {
        let update = Update::new().set("lease_until", 0_i64).when(Condition::equals("owner", owner));
        if let Err(failure) = self.change(&marker_key(event), &update).await {
            tracing::warn!(error = %failure, "the lease could not be released; it ends by itself");
        }
    }

    /// Changes a row under a condition; false if the condition does not hold.
    async fn change(&self, key: &Key, update: &Update) -> Result<bool, Failure> {
        let mut placeholders = Placeholders::default();
        let (expression, condition) = update.write(&mut placeholders);
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
                    _ => Err(retry("UpdateItem", &error)),
                }
            }
        }
    }
}

/// What a row says that was there before. It may be our own, written by a call whose answer was lost, so that the SDK made it again.
fn held_already(item: Option<&Item>, owner: String) -> Claim {
    let Some(item) = item else {
        return Claim::InFlight { until: Timestamp::UNIX_EPOCH };
    };
    if item.contains_key("processed_at") {
        return Claim::Done;
    }
    if text_of(item, "owner") == Some(owner.as_str()) {
        return Claim::Acquired { owner };
    }
    let until = number_of(item, "lease_until").and_then(|ms| ms.to_i64()).unwrap_or_default();
    Claim::InFlight { until: Timestamp::from_millisecond(until).unwrap_or(Timestamp::UNIX_EPOCH) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_ours_anothers_or_completed() {
        let row = Row::new(Key::new("ORDER#1", "EVENT#1")).set("owner", "us").set("lease_until", 5000_i64);
        let claim = |row: &Row, owner: &str| held_already(Some(&row.clone().into_item()), owner.to_owned());
        assert_eq!(claim(&row, "us"), Claim::Acquired { owner: "us".into() });
        let until = Timestamp::from_second(5).unwrap();
        assert_eq!(claim(&row, "others"), Claim::InFlight { until });
        let completed = row.set("processed_at", until);
        assert_eq!(claim(&completed, "us"), Claim::Done);
    }
}
