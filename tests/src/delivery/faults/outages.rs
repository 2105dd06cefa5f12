//! Outages of hours, on a virtual clock, and messages that end their process.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use jiff::{SignedDuration, Timestamp};
use switchyard_chassis::conformance::order;
use switchyard_chassis::{Apply, Batch, Consumer, Effects, Failure, Received};
use switchyard_events::OrderPlaced;
use switchyard_faults::{AwsCall, Fault, ProxyHooks, Rule};
use tokio::time::{Instant, timeout};

use super::leases::mail_batch;
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

/// The template's `maxReceiveCount`: at this receive SQS itself dead-letters a message.
const MAX_RECEIVES: u32 = 1000;

/// Records for how many seconds messages are made invisible.
#[derive(Default)]
struct VisibilityRecorder(Mutex<Vec<i64>>);

impl ProxyHooks for VisibilityRecorder {
    fn call_completed(&self, call: &AwsCall, _: u16, _: bool) {
        if call.operation == "ChangeMessageVisibility" {
            self.0.lock().unwrap().push(call.json()["VisibilityTimeout"].as_i64().unwrap());
        }
    }
}

/// Every receive of a message from this hour of an outage of 71 hours on, and the first one after it; and of another message until 72
/// hours. Returns the number of receives.
async fn check_outage_of_71_hours<A: Apply>(
    service: &str,
    (setup, waits): (FaultSetup, Arc<VisibilityRecorder>),
    batch: Batch<A>,
    first_hour: i64,
) -> u32 {
    let sent = setup.harness.clock.now();
    let end = sent + SignedDuration::from_hours(71);
    setup.proxy.set_rules(fail_always(service, "*", Fault::AccessDenied));
    let messages = setup.harness.receive(&[order(1), order(2)]).await;
    let process = async |message: &SqsMessage, at: Timestamp, receives: u32| {
        setup.harness.clock.set(at);
        setup.process(&batch, &[aged(message, sent, receives)], BATCH_TIMEOUT).await.len()
    };
    let (mut at, mut receives) = (sent + SignedDuration::from_hours(first_hour), 1);
    while at < end {
        assert_eq!(process(&messages[0], at, receives).await, 1, "{service}: at {at}");
        at += SignedDuration::from_secs(*waits.0.lock().unwrap().last().unwrap());
        receives += 1;
    }
    assert!(at.duration_since(end) <= SignedDuration::from_mins(16), "{service}: received again at {at}");
    assert_eq!(process(&messages[1], end, 2).await, 1, "{service}");
    assert!(setup.harness.dead_letters().await.is_empty(), "{service}");

    setup.proxy.set_rules(Vec::new());
    assert_eq!(process(&messages[0], at, receives).await, 0, "{service}: the outage is over");
    assert_eq!(setup.harness.applied_count().await, 1, "{service}");

    setup.proxy.set_rules(fail_always(service, "*", Fault::AccessDenied));
    assert_eq!(process(&messages[1], sent + SignedDuration::from_hours(72), 3).await, 0, "{service}");
    let dead_letters = setup.harness.dead_letters().await;
    let attributes = &dead_letters[0].1;
    assert_eq!((dead_letters.len(), attributes["error_code"].as_str()), (1, "retries_exhausted"), "{service}");
    assert!(attributes["error"].contains("AccessDenied"), "{service}: {}", attributes["error"]);
    assert_eq!(setup.harness.applied_count().await, 1, "{service}");
    receives
}

async fn setup_with_waits(name: &str) -> (FaultSetup, Arc<VisibilityRecorder>) {
    let waits = Arc::new(VisibilityRecorder::default());
    (FaultSetup::with_hooks(name, Arc::clone(&waits)).await, waits)
}

#[tokio::test]
async fn table_outage_of_71_hours_is_done_16_minutes_after() {
    let setup = setup_with_waits("table-71-hours").await;
    let batch = setup.0.batch(recording());
    let receives = Box::pin(check_outage_of_71_hours("dynamodb", setup, batch, 0)).await;
    assert!(receives > 300 && receives < MAX_RECEIVES, "{receives} receives");
}

#[tokio::test]
async fn ses_outage_of_71_hours_is_done_16_minutes_after() {
    let setup = setup_with_waits("ses-71-hours").await;
    let batch = mail_batch(&setup.0);
    Box::pin(check_outage_of_71_hours("ses", setup, batch, 67)).await;
}

#[tokio::test]
async fn attempt_row_is_deleted_although_most_calls_fail() {
    let setup = FaultSetup::new("most-fail").await;
    let unavailable = || FnConsumer(|_: &Received<OrderPlaced>, _: &mut Effects| Err(Failure::retry("unavailable")));
    let messages = setup.harness.receive(&[order(1)]).await;
    let delete = Rule::new("dynamodb", "BatchWriteItem", Fault::AccessDenied).containing("DeleteRequest");
    for receives in 2..=6 {
        setup.proxy.set_rules(vec![delete.clone().times(8)]);
        let redelivered = [aged(&messages[0], setup.harness.clock.now(), receives)];
        assert_eq!(setup.process(&setup.batch(unavailable()), &redelivered, BATCH_TIMEOUT).await.len(), 1);
        assert!(setup.harness.rows().await.is_empty(), "after receive {receives}");
    }
    assert!(setup.harness.dead_letters().await.is_empty());
}

#[tokio::test]
async fn hanging_table_and_sqs_leave_time_to_answer() {
    const TIME: Duration = Duration::from_secs(3);
    let setup = FaultSetup::new("hanging").await;
    let messages = setup.harness.receive(&[order(1), order(2)]).await;
    let now = setup.harness.clock.now();
    let redelivered = messages.iter().map(|message| aged(message, now, 2)).collect();
    setup.proxy.set_rules([fail_always("dynamodb", "*", Fault::Hang), fail_always("sqs", "*", Fault::Hang)].concat());
    for messages in [messages, redelivered] {
        let started = Instant::now();
        let back = setup.process(&setup.batch(recording()), &messages, TIME).await;
        assert_eq!(back.len(), 2);
        assert!(started.elapsed() < TIME + Duration::from_millis(1500), "answered after {:?}", started.elapsed());
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
