//! Faults on sending mails and on their leases: a mail cannot be part of a transaction.

use aws_lambda_events::sqs::SqsMessage;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

use jiff::SignedDuration;
use switchyard_chassis::conformance::order;
use switchyard_chassis::{Batch, Env, Key, Leased, Row};
use switchyard_faults::{Fault, Rule};

use crate::support::{BATCH_TIMEOUT, DEDUP, FaultSetup, event_id_of_order, fail_always, fail_first, text};

const LEASE: SignedDuration = SignedDuration::from_secs(3);

/// The email consumer behind the proxy, with an address for one test.
struct MailFixture {
    setup: FaultSetup,
    batch: Batch<Leased<email::Email>>,
    address: String,
}

impl MailFixture {
    async fn new(name: &str) -> Self {
        let setup = FaultSetup::new(name).await;
        let batch = mail_batch(&setup);
        Self { setup, batch, address: format!("{:016x}@example.com", fastrand::u64(..)) }
    }

    async fn receive(&self) -> Vec<SqsMessage> {
        let body = order(1);
        let start = body.find("\"email\":\"").unwrap() + "\"email\":\"".len();
        let end = start + body[start..].find('"').unwrap();
        self.setup.harness.receive(&[format!("{}{}{}", &body[..start], self.address, &body[end..])]).await
    }

    async fn process(&self, messages: &[SqsMessage]) -> usize {
        self.setup.process(&self.batch, messages, BATCH_TIMEOUT).await.len()
    }

    /// Receives the returned message and processes it again, after its lease has ended.
    async fn redeliver(&self) -> usize {
        let messages = self.setup.harness.receive_again(1).await;
        self.setup.harness.clock.set(self.setup.harness.clock.now() + SignedDuration::from_mins(2));
        self.process(&messages).await
    }

    async fn mails(&self) -> usize {
        self.setup.stack.mails_to(&self.address).await.len()
    }
}

/// Batches of the email consumer.
pub(super) fn mail_batch(setup: &FaultSetup) -> Batch<Leased<email::Email>> {
    let sender = setup.stack.deployed.consumer("email").unwrap().sender.clone();
    let mut env = Env::from_lookup(move |name| sender.clone().filter(|_| name == "SENDER_ADDRESS"));
    let email = email::Email::from_env(&mut env, &setup.clients);
    env.finish(()).unwrap();
    let (table, queue, clock) = (setup.table.clone(), setup.queue.clone(), setup.harness.clock.clone());
    Batch::leased(email, table, queue, LEASE, DEDUP, clock)
}

/// Injects the fault into some updates of the table, after this many others.
fn fail_update(skipped: u64, times: u64, fault: Fault) -> Vec<Rule> {
    vec![Rule::new("dynamodb", "UpdateItem", fault).skip(skipped).times(times)]
}

#[tokio::test]
async fn faults_on_lease_writes_send_one_mail() {
    // The first update claims the lease, the second completes it.
    for (skipped, update) in [(0, "claim"), (1, "completion")] {
        let conflict = Fault::Conflict { item: None, code: None };
        let faults =
            [Fault::DropResponse, Fault::InternalError { after_effect: true }, Fault::Throttle, Fault::ResetConnection];
        for (times, fault) in faults.map(|fault| (2, fault)).into_iter().chain([(4, conflict)]) {
            let fixture = MailFixture::new("lease").await;
            let kind = fault.kind();
            fixture.setup.proxy.set_rules(fail_update(skipped, times, fault));
            let messages = fixture.receive().await;
            assert_eq!(fixture.process(&messages).await, 0, "{update} {kind}");
            assert_eq!(fixture.mails().await, 1, "{update} {kind}");
            assert_eq!(fixture.setup.applied().await.len(), 1, "{update} {kind}");
        }
    }
}

#[tokio::test]
async fn ses_throttle_retries_and_sends_one_mail() {
    let fixture = MailFixture::new("ses-throttled").await;
    fixture.setup.proxy.set_rules(fail_first(3, "ses", "SendEmail", Fault::Throttle));
    assert_eq!(fixture.process(&fixture.receive().await).await, 0);
    assert_eq!(fixture.mails().await, 1);
}

#[tokio::test]
async fn unreachable_ses_sends_one_mail_on_redelivery() {
    for fault in [Fault::InternalError { after_effect: false }, Fault::CloseConnection, Fault::ResetConnection] {
        let fixture = MailFixture::new("ses-out-of-reach").await;
        let kind = fault.kind();
        fixture.setup.proxy.set_rules(fail_first(1, "ses", "SendEmail", fault));
        assert_eq!(fixture.process(&fixture.receive().await).await, 1, "{kind}");
        assert_eq!((fixture.mails().await, fixture.redeliver().await, fixture.mails().await), (0, 0, 1), "{kind}");
    }
}

#[tokio::test]
async fn lost_send_or_lease_answer_is_only_duplicate_mail_window() {
    let fixture = MailFixture::new("ses-answer-lost").await;
    fixture.setup.proxy.set_rules(fail_first(1, "ses", "SendEmail", Fault::DropResponse));
    assert_eq!(fixture.process(&fixture.receive().await).await, 1);
    assert_eq!((fixture.mails().await, fixture.redeliver().await, fixture.mails().await), (1, 0, 2));

    let fixture = MailFixture::new("lease-not-completed").await;
    fixture.setup.proxy.set_rules(fail_update(1, u64::MAX, Fault::ResetConnection));
    assert_eq!(fixture.process(&fixture.receive().await).await, 1);
    fixture.setup.proxy.set_rules(Vec::new());
    assert_eq!((fixture.mails().await, fixture.redeliver().await, fixture.mails().await), (1, 0, 2));
}

#[tokio::test]
async fn stale_lease_owner_overwrites_nothing() {
    let fixture = MailFixture::new("stale-owner").await;
    // The completion of the first worker is delayed until another worker has sent and completed.
    fixture.setup.proxy.set_rules(fail_update(1, 1, Fault::Delay { ms: 3000 }));
    let (messages, again) = (fixture.receive().await, fixture.receive().await);
    let late = fixture.process(&messages);
    let other = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        fixture.setup.harness.clock.set(fixture.setup.harness.clock.now() + SignedDuration::from_mins(2));
        fixture.process(&again).await
    };
    assert_eq!(tokio::join!(late, other), (0, 0));
    let mails = fixture.setup.stack.mails_to(&fixture.address).await;
    let sent: BTreeSet<_> = mails.iter().map(|mail| mail["MessageId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(sent.len(), 2, "in the documented window: the first lease had ended");
    let rows = fixture.setup.harness.rows().await;
    assert_eq!((rows.len(), text(&rows[0], "lag_ms")), (1, "123000".into()), "the completion of the other worker");
}

#[tokio::test]
async fn held_lease_defers_without_exhausting_receives() {
    let fixture = MailFixture::new("in-flight").await;
    let harness = &fixture.setup.harness;
    let lease = Row::new(Key::new("ORDER#ord_conformance1", format!("EVENT#{}", event_id_of_order(1))));
    let lease = lease.set("event_id", event_id_of_order(1).as_str()).set("owner", "another");
    let until = harness.clock.now() + LEASE;
    harness.table.put(lease.set("lease_until", until.as_millisecond())).await.unwrap();
    let mut messages = fixture.receive().await;
    let last = harness.queue.retry_policy.max_panic_receives.to_string();
    messages[0].attributes.insert("ApproximateReceiveCount".into(), last);
    let began = Instant::now();
    assert_eq!(fixture.process(&messages).await, 1);
    assert!(harness.dead_letters().await.is_empty(), "a deferred message is not dead-lettered");
    assert_eq!((fixture.redeliver().await, fixture.mails().await), (0, 1));
    assert!(began.elapsed() >= Duration::from_millis(2500), "the message was redelivered before the lease had ended");
}

#[tokio::test]
async fn unknown_send_outcome_keeps_lease_and_ends_in_dlq() {
    let fixture = MailFixture::new("ses-silent").await;
    let drop_answers = || vec![Rule::new("ses", "SendEmail", Fault::DropResponse)];
    fixture.setup.proxy.set_rules(drop_answers());
    let messages = fixture.receive().await;
    assert_eq!(fixture.process(&messages).await, 1);
    let started = Instant::now();
    // Before the lease has ended, another delivery of the event sends nothing.
    assert_eq!((fixture.process(&messages).await, fixture.mails().await), (1, 1));
    let messages = fixture.setup.harness.receive_again(1).await;
    assert!(started.elapsed() >= Duration::from_millis(2500), "the message was redelivered before the lease had ended");
    // From here on the message is processed without waiting for its visibility; only the clock passes the lease.
    let process_after_lease = async || {
        fixture.setup.harness.clock.set(fixture.setup.harness.clock.now() + SignedDuration::from_mins(2));
        fixture.process(&messages).await
    };
    assert_eq!((process_after_lease().await, fixture.mails().await), (1, 2));
    // SES is out of reach altogether: it is asked, and nothing is sent.
    fixture.setup.proxy.set_rules(fail_always("ses", "*", Fault::InternalError { after_effect: false }));
    assert_eq!((process_after_lease().await, fixture.mails().await), (1, 2));
    fixture.setup.proxy.set_rules(drop_answers());
    for mails in 3..=5 {
        assert_eq!((process_after_lease().await, fixture.mails().await), (1, mails));
    }
    assert_eq!(
        (process_after_lease().await, fixture.mails().await),
        (0, 5),
        "five sends without an answer are the limit"
    );
    let dead_letters = fixture.setup.harness.dead_letters().await;
    assert_eq!(dead_letters[0].1["error_code"], "send_outcome_unknown");
}

#[tokio::test]
async fn late_ses_answer_sends_one_mail_without_retry() {
    let fixture = MailFixture::new("ses-late").await;
    fixture.setup.proxy.set_rules(fail_first(5, "ses", "SendEmail", Fault::Delay { ms: 12_000 }));
    assert_eq!((fixture.process(&fixture.receive().await).await, fixture.mails().await), (0, 1));
}
