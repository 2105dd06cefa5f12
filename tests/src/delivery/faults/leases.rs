//! Mails, whose effect no transaction can hold.

use aws_lambda_events::sqs::SqsMessage;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

use jiff::SignedDuration;
use switchyard_chassis::conformance::order;
use switchyard_chassis::{Batch, Env, Key, Leased, Row};
use switchyard_faults::Fault;

use crate::support::{BATCH_TIMEOUT, DEDUP, FaultSetup, event_id_of_order, fail_always, fail_first, text};

const LEASE: SignedDuration = SignedDuration::from_secs(3);

/// Sends mails through the proxy, to an address of this test's own.
struct Mailing {
    setup: FaultSetup,
    batch: Batch<Leased<email::Email>>,
    address: String,
}

impl Mailing {
    async fn new(name: &str) -> Self {
        let setup = FaultSetup::new(name).await;
        let sender = setup.stack.deployed.consumer("email").unwrap().sender.clone();
        let mut env = Env::from_lookup(move |name| sender.clone().filter(|_| name == "SENDER_ADDRESS"));
        let email = email::Email::from_env(&mut env, &setup.clients);
        env.finish(()).unwrap();
        let (table, queue, clock) = (setup.table.clone(), setup.queue.clone(), setup.harness.clock.clone());
        let batch = Batch::leased(email, table, queue, LEASE, DEDUP, clock);
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

    /// Receives what came back and handles it once more; the lease has ended by then.
    async fn again(&self) -> usize {
        let messages = self.setup.harness.receive_again(1).await;
        self.setup.harness.clock.set(self.setup.harness.clock.now() + SignedDuration::from_mins(2));
        self.process(&messages).await
    }

    async fn mails(&self) -> usize {
        self.setup.stack.mails_to(&self.address).await.len()
    }
}

#[tokio::test]
async fn faults_on_lease_writes_send_one_mail() {
    for operation in ["PutItem", "UpdateItem"] {
        let conflict = Fault::Conflict { item: None, code: None };
        let faults =
            [Fault::DropResponse, Fault::InternalError { after_effect: true }, Fault::Throttle, Fault::ResetConnection];
        for (times, fault) in faults.map(|fault| (2, fault)).into_iter().chain([(4, conflict)]) {
            let mailing = Mailing::new("lease").await;
            let kind = fault.kind();
            mailing.setup.proxy.set_rules(fail_first(times, "dynamodb", operation, fault));
            let messages = mailing.receive().await;
            assert_eq!(mailing.process(&messages).await, 0, "{operation} {kind}");
            assert_eq!(mailing.mails().await, 1, "{operation} {kind}");
            assert_eq!(mailing.setup.applied().await.len(), 1, "{operation} {kind}");
        }
    }
}

#[tokio::test]
async fn ses_throttle_retries_and_sends_one_mail() {
    let mailing = Mailing::new("ses-throttled").await;
    mailing.setup.proxy.set_rules(fail_first(3, "ses", "SendEmail", Fault::Throttle));
    assert_eq!(mailing.process(&mailing.receive().await).await, 0);
    assert_eq!(mailing.mails().await, 1);
}

#[tokio::test]
async fn unreachable_ses_sends_one_mail_on_redelivery() {
    for fault in [Fault::InternalError { after_effect: false }, Fault::CloseConnection, Fault::ResetConnection] {
        let mailing = Mailing::new("ses-out-of-reach").await;
        let kind = fault.kind();
        mailing.setup.proxy.set_rules(fail_first(1, "ses", "SendEmail", fault));
        assert_eq!(mailing.process(&mailing.receive().await).await, 1, "{kind}");
        assert_eq!((mailing.mails().await, mailing.again().await, mailing.mails().await), (0, 0, 1), "{kind}");
    }
}

#[tokio::test]
async fn lost_send_or_lease_answer_is_only_duplicate_mail_window() {
    let mailing = Mailing::new("ses-answer-lost").await;
    mailing.setup.proxy.set_rules(fail_first(1, "ses", "SendEmail", Fault::DropResponse));
    assert_eq!(mailing.process(&mailing.receive().await).await, 1);
    assert_eq!((mailing.mails().await, mailing.again().await, mailing.mails().await), (1, 0, 2));

    let mailing = Mailing::new("lease-not-completed").await;
    mailing.setup.proxy.set_rules(fail_always("dynamodb", "UpdateItem", Fault::ResetConnection));
    assert_eq!(mailing.process(&mailing.receive().await).await, 1);
    mailing.setup.proxy.set_rules(Vec::new());
    assert_eq!((mailing.mails().await, mailing.again().await, mailing.mails().await), (1, 0, 2));
}

#[tokio::test]
async fn stale_lease_owner_overwrites_nothing() {
    let mailing = Mailing::new("stale-owner").await;
    // The first to complete is so late that another has sent and completed meanwhile.
    mailing.setup.proxy.set_rules(fail_first(1, "dynamodb", "UpdateItem", Fault::Delay { ms: 3000 }));
    let (messages, again) = (mailing.receive().await, mailing.receive().await);
    let late = mailing.process(&messages);
    let other = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        mailing.setup.harness.clock.set(mailing.setup.harness.clock.now() + SignedDuration::from_mins(2));
        mailing.process(&again).await
    };
    assert_eq!(tokio::join!(late, other), (0, 0));
    let mails = mailing.setup.stack.mails_to(&mailing.address).await;
    let sent: BTreeSet<_> = mails.iter().map(|mail| mail["MessageId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(sent.len(), 2, "inside the window: the first lease had ended");
    let rows = mailing.setup.harness.rows().await;
    assert_eq!((rows.len(), text(&rows[0], "lag_ms")), (1, "123000".into()), "the other's completion");
}

#[tokio::test]
async fn held_lease_defers_without_exhausting_receives() {
    let mailing = Mailing::new("in-flight").await;
    let harness = &mailing.setup.harness;
    let lease = Row::new(Key::new("ORDER#ord_conformance1", format!("EVENT#{}", event_id_of_order(1))));
    let lease = lease.set("event_id", event_id_of_order(1).as_str()).set("owner", "another");
    let until = harness.clock.now() + LEASE;
    harness.table.put(lease.set("lease_until", until.as_millisecond())).await.unwrap();
    let mut messages = mailing.receive().await;
    let last = harness.queue.max_receives.to_string();
    messages[0].attributes.insert("ApproximateReceiveCount".into(), last);
    let began = Instant::now();
    assert_eq!(mailing.process(&messages).await, 1);
    assert!(harness.dead_letters().await.is_empty(), "nothing is wrong with it");
    assert_eq!((mailing.again().await, mailing.mails().await), (0, 1));
    assert!(began.elapsed() >= Duration::from_millis(2500), "it did not come back before the lease had ended");
}
