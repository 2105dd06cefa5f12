//! Outages of hours, on a virtual clock, and messages that end their process.

use std::future::pending;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use jiff::{SignedDuration, Timestamp};
use switchyard_chassis::conformance::order;
use switchyard_chassis::{Batch, Consumer, Effects, Failure, Received};
use switchyard_events::OrderPlaced;
use switchyard_faults::{Fault, Rule};
use tokio::time::{Instant, timeout};

use crate::support::{BATCH_TIMEOUT, FaultSetup, FnConsumer, fail_always, is_order, order_row};

/// The queue's visibility timeout in the template, in seconds: when a message is redelivered whose process has ended.
const VISIBILITY_SECS: u64 = 181;

fn recording() -> impl Consumer {
    FnConsumer(|order: &Received<OrderPlaced>, effects: &mut Effects| {
        effects.record(order_row(order));
        Ok(())
    })
}

fn aged(message: &SqsMessage, sent: Timestamp, receives: u32) -> SqsMessage {
    let mut message = message.clone();
    message.attributes.insert("SentTimestamp".into(), sent.as_millisecond().to_string());
    message.attributes.insert("ApproximateReceiveCount".into(), receives.to_string());
    message
}

#[tokio::test]
async fn table_outage_retries_until_72_hours_then_dlq_with_reason() {
    let denied = || Fault::Reject { code: "AccessDeniedException".into() };
    for fault in [denied(), Fault::InternalError { after_effect: false }, Fault::CloseConnection] {
        let setup = FaultSetup::new("outage-of-hours").await;
        let kind = fault.kind();
        let sent = setup.harness.clock.now();
        let at_hour = |hours: i64| setup.harness.clock.set(sent + SignedDuration::from_hours(hours));
        setup.proxy.set_rules(fail_always("dynamodb", "*", fault));
        let messages = setup.harness.receive(&[order(1), order(2)]).await;
        for (receives, hours) in [(1, 0), (90, 7), (690, 71)] {
            at_hour(hours);
            let messages: Vec<_> = messages.iter().map(|message| aged(message, sent, receives)).collect();
            let back = setup.process(&setup.batch(recording()), &messages, BATCH_TIMEOUT).await;
            assert_eq!(back.len(), 2, "{kind} after {hours} hours");
        }
        assert!(setup.harness.dead_letters().await.is_empty(), "{kind}");
        setup.proxy.set_rules(Vec::new());
        let first = [aged(&messages[0], sent, 691)];
        assert!(setup.process(&setup.batch(recording()), &first, BATCH_TIMEOUT).await.is_empty(), "{kind}: it is over");
        assert_eq!(setup.applied().await.len(), 1, "{kind}");
        setup.proxy.set_rules(fail_always("dynamodb", "*", Fault::Reject { code: "AccessDeniedException".into() }));
        at_hour(72);
        let second = [aged(&messages[1], sent, 700)];
        assert!(setup.process(&setup.batch(recording()), &second, BATCH_TIMEOUT).await.is_empty(), "{kind}");
        let dead_letters = setup.harness.dead_letters().await;
        let attributes = &dead_letters[0].1;
        assert_eq!((dead_letters.len(), attributes["error_code"].as_str()), (1, "retries_exhausted"), "{kind}");
        assert!(attributes["error"].contains("AccessDeniedException"), "{kind}: {}", attributes["error"]);
    }
}

/// Never returns for order 2, as if the process had ended.
struct Killed;

impl Consumer for Killed {
    const NAME: &'static str = "probe";
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        if is_order(order, 2) {
            pending::<()>().await;
        }
        effects.record(order_row(order));
        Ok(())
    }
}

/// Runs a batch in a process that ends after three seconds, if it has not answered by then. Returns whether it answered.
async fn process_or_end<C: Consumer>(setup: &FaultSetup, consumer: C, messages: &[SqsMessage]) -> bool {
    let batch: Batch<_> = setup.batch(consumer);
    let mut event = SqsEvent::default();
    event.records = messages.to_vec();
    let deadline = Instant::now() + BATCH_TIMEOUT;
    let Ok(response) = timeout(Duration::from_secs(3), batch.process(event, deadline)).await else {
        return false;
    };
    assert!(response.batch_item_failures.is_empty(), "{response:?}");
    true
}

/// The visibility timeout of all messages of a process that has ended passes.
async fn pass_visibility_timeout(setup: &FaultSetup, messages: &[SqsMessage]) {
    for message in messages {
        let request = setup.harness.queue.client.change_message_visibility().queue_url(&setup.harness.queue.url);
        let request = request.set_receipt_handle(message.receipt_handle.clone()).visibility_timeout(0);
        // What the process has deleted is not there any more.
        drop(request.send().await);
    }
}

#[tokio::test]
async fn message_that_kills_its_process_ends_alone_in_dlq() {
    let setup = FaultSetup::new("killed").await;
    let bodies: Vec<_> = (1..=10).map(order).collect();
    let mut messages = setup.harness.receive(&bodies).await;
    let mut receives = 1;
    while !process_or_end(&setup, Killed, &messages).await {
        assert!(receives < 6, "not dead-lettered after {receives} receives");
        pass_visibility_timeout(&setup, &messages).await;
        let left = usize::try_from(setup.stack.message_count(&setup.harness.queue.url).await).unwrap();
        messages = setup.harness.receive_again(left).await;
        receives += 1;
    }
    assert!((receives - 1) * VISIBILITY_SECS <= 15 * 60, "dead-lettered at receive {receives}");
    let applied = setup.applied().await;
    assert_eq!(applied.len(), 9);
    assert!(applied.iter().all(|(_, receives)| receives.parse::<u32>().unwrap() <= 5), "{applied:?}");
    let dead_letters = setup.harness.dead_letters().await;
    assert_eq!(dead_letters.len(), 1);
    assert_eq!(
        (dead_letters[0].0.as_str(), dead_letters[0].1["error_code"].as_str()),
        (bodies[1].as_str(), "process_killed")
    );
    let rows = setup.harness.rows().await;
    assert_eq!(rows.len(), 9, "no attempt row is left");
}

#[tokio::test]
async fn attempt_row_that_cannot_be_written_defers_the_message() {
    let setup = FaultSetup::new("no-attempt-row").await;
    setup.proxy.set_rules(vec![Rule::new("dynamodb", "BatchWriteItem", Fault::Throttle)]);
    let messages = setup.harness.receive(&[order(1), order(2)]).await;
    let now = setup.harness.clock.now();
    let redelivered = [messages[0].clone(), aged(&messages[1], now, 2)];
    let back = setup.process(&setup.batch(recording()), &redelivered, BATCH_TIMEOUT).await;
    assert_eq!((back.len(), setup.applied().await.len()), (1, 1), "only the message that was received before waits");
    assert!(setup.harness.dead_letters().await.is_empty());
}
