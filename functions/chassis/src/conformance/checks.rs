//! The checks of the suite.

use std::collections::{BTreeMap, BTreeSet};

use aws_lambda_events::sqs::SqsEvent;
use tokio::time::Instant;

use crate::conformance::harness::ConsumerHarness;
use crate::conformance::samples::event_id;
use crate::{Apply, Batch, Key};

/// The same event delivered again – alone, several times in a batch, after other events – changes nothing.
pub async fn duplicate_changes_nothing<A: Apply>(harness: &ConsumerHarness, batch: &Batch<A>) {
    assert!(harness.process(batch, harness.receive(&[harness.event(1)]).await).await.is_empty());
    let once = harness.logical_rows().await;
    assert_eq!(harness.applied_count().await, 1);
    for bodies in [vec![harness.event(1)], vec![harness.event(1), harness.event(1), harness.event(1)]] {
        assert!(harness.process(batch, harness.receive(&bodies).await).await.is_empty());
        assert_eq!(harness.logical_rows().await, once);
    }
    let twice = [harness.event(2), harness.event(1), harness.event(2), harness.event(3)];
    assert!(harness.process(batch, harness.receive(&twice).await).await.is_empty());
    assert_eq!(harness.applied_count().await, 3);
}

/// A message that cannot be parsed goes to the dead-letter queue with its reason and its unchanged body. The others are applied.
pub async fn poison_goes_to_dlq_and_neighbours_are_applied<A: Apply>(harness: &ConsumerHarness, batch: &Batch<A>) {
    let newer = harness.event(2).replace(r#""version":1"#, r#""version":99"#);
    let bodies = [harness.event(1), "{ no json".to_owned(), newer.clone(), harness.event(3)];
    assert!(harness.process(batch, harness.receive(&bodies).await).await.is_empty());
    assert_eq!(harness.applied_count().await, 2);
    let mut dead_letters = harness.dead_letters().await;
    dead_letters.sort_by_key(|(_, attributes)| attributes["error_code"].clone());
    let found: Vec<_> =
        dead_letters.iter().map(|(body, attributes)| (body.clone(), attributes["error_code"].as_str())).collect();
    assert_eq!(found, [("{ no json".to_owned(), "malformed"), (newer, "unknown_version")]);
    for (_, attributes) in &dead_letters {
        assert_eq!(attributes["consumer"], A::NAME);
        assert!(attributes.contains_key("fingerprint") && attributes.contains_key("first_received_at"));
    }
    assert_eq!(dead_letters[1].1["event_id"], event_id(&harness.event(2)).as_str());
}

/// A record whose handler panics is redelivered alone. The others are applied; so is the record once the fault is fixed.
pub async fn panic_fails_only_its_own_record<A: Apply, B: Apply>(
    harness: &ConsumerHarness,
    broken: &Batch<A>,
    whole: &Batch<B>,
) {
    let messages = harness.receive(&[harness.event(1), harness.event(2), harness.event(3)]).await;
    let failing = messages.iter().find(|message| message.body.as_deref() == Some(&harness.event(2))).unwrap();
    let failing = BTreeSet::from([failing.message_id.clone().unwrap()]);
    assert_eq!(harness.process(broken, messages).await, failing);
    assert_eq!(harness.applied_count().await, 2);
    let again = harness.receive_again(1).await;
    // A sender's lease outlives the panic, since the effect may have happened: advance the clock beyond it.
    harness.clock.set(harness.clock.now() + jiff::SignedDuration::from_mins(2));
    assert!(harness.process(whole, again).await.is_empty());
    assert_eq!(harness.applied_count().await, 3);
}

/// A rejected record goes to the dead-letter queue with its code. The others are applied.
pub async fn rejected_record_goes_to_dlq_with_its_code<A: Apply>(harness: &ConsumerHarness, broken: &Batch<A>) {
    assert!(
        harness
            .process(broken, harness.receive(&[harness.event(1), harness.event(2), harness.event(3)]).await)
            .await
            .is_empty()
    );
    assert_eq!(harness.applied_count().await, 2);
    let dead_letters = harness.dead_letters().await;
    assert_eq!(dead_letters.len(), 1);
    assert_eq!(
        (dead_letters[0].0.as_str(), dead_letters[0].1["error_code"].as_str()),
        (harness.event(2).as_str(), "on_purpose")
    );
}

/// At its last receive a record that still fails goes to the dead-letter queue with the reason of the last failure.
pub async fn retries_exhausted_goes_to_dlq_with_reason<A: Apply>(harness: &ConsumerHarness, broken: &Batch<A>) {
    let mut messages = harness.receive(&[harness.event(2)]).await;
    let last = harness.queue.retry_policy.max_panic_receives.to_string();
    messages[0].attributes.insert("ApproximateReceiveCount".into(), last.clone());
    assert!(harness.process(broken, messages).await.is_empty());
    let dead_letters = harness.dead_letters().await;
    assert_eq!(dead_letters.len(), 1);
    assert_eq!(dead_letters[0].1["error_code"], "retries_exhausted");
    assert_eq!(dead_letters[0].1["receive_count"], last);
    assert!(dead_letters[0].1["error"].starts_with("the handler panicked"), "{}", dead_letters[0].1["error"]);
    assert!(!dead_letters[0].1["error"].contains('@'), "the panic's message is personal");
}

/// Two concurrent workers with the same events write the rows that one worker writes that handles them one by one.
pub async fn two_workers_leave_what_one_leaves<A: Apply>(
    harness: &ConsumerHarness,
    batch: &Batch<A>,
    alone: &ConsumerHarness,
    single: &Batch<A>,
) {
    let bodies = [harness.event(1), harness.event(2), harness.event(3)];
    for body in &bodies {
        assert!(alone.process(single, alone.receive(std::slice::from_ref(body)).await).await.is_empty());
    }
    let twice = [bodies.clone(), bodies].concat();
    let mut messages = harness.receive(&twice).await;
    let others = messages.split_off(3);
    let (first, second) = tokio::join!(harness.process(batch, messages), harness.process(batch, others));
    let mut redelivered = first.len() + second.len();
    // Messages that met the other worker's lease are redelivered when it has ended: advance the clock.
    harness.clock.set(harness.clock.now() + jiff::SignedDuration::from_mins(2));
    while redelivered > 0 {
        redelivered = harness.process(batch, harness.receive_again(redelivered).await).await.len();
    }
    assert_eq!(harness.applied_count().await, 3);
    let without_times = |mut rows: BTreeMap<Key, BTreeMap<String, String>>| {
        for row in rows.values_mut() {
            row.retain(|name, _| !TIMES.contains(&name.as_str()));
        }
        rows
    };
    assert_eq!(without_times(harness.logical_rows().await), without_times(alone.logical_rows().await));
}

/// Attributes that hold the time of a write.
const TIMES: &[&str] = &["processed_at", "lag_ms", "expires_at", "outbox"];

/// With no time left, every message is returned and nothing is written.
pub async fn timeout_returns_every_message<A: Apply>(harness: &ConsumerHarness, batch: &Batch<A>) {
    let messages = harness.receive(&[harness.event(1), harness.event(2)]).await;
    let mut event = SqsEvent::default();
    event.records = messages.clone();
    let response = batch.process(event, Instant::now()).await;
    assert_eq!(response.batch_item_failures.len(), 2);
    assert!(harness.rows().await.is_empty());
    assert!(harness.dead_letters().await.is_empty());
}
