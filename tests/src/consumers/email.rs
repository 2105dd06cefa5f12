//! The mails about an order, from the consumer to the mailbox.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use email::Email;
use jiff::SignedDuration;
use serde_json::{Value, json};
use switchyard_chassis::conformance::{ConsumerHarness, body, event_id, order};
use switchyard_chassis::{Batch, Clients, DedupConfig, Env, Key, Leased, Row};
use switchyard_events::{CancellationReason, DomainEvent, OrderPlaced, parse_body};
use yard::email::LastMail;
use yard::exit;

use crate::support::{
    TestStack, new_cart, new_order, new_user_id, order_cancelled, publish_order_and_cancellation, wait_until,
};

/// An HTTP client in front of the local cloud: records the requests and answers the first few with an error.
#[derive(Debug, Clone, Default)]
struct RecordingClient {
    requests: Arc<Mutex<Vec<Value>>>,
    /// The number of requests that get an error, and the error code.
    error_count: usize,
    error: &'static str,
}

#[derive(Debug)]
struct RecordingConnector {
    client: RecordingClient,
    cloud: SharedHttpConnector,
}

impl HttpConnector for RecordingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut requests = self.client.requests.lock().unwrap();
        requests.push(serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default());
        if requests.len() > self.client.error_count {
            return self.cloud.call(request);
        }
        let mut response = HttpResponse::new(429.try_into().unwrap(), SdkBody::from("{}"));
        response.headers_mut().insert("x-amzn-errortype", self.client.error);
        HttpConnectorFuture::ready(Ok(response))
    }
}

/// The email consumer with a table and queues for one test, whose calls to SES are recorded.
async fn new_email_batch(
    stack: &TestStack,
    sender: Option<String>,
    client: &RecordingClient,
) -> (ConsumerHarness, Batch<Leased<Email>>) {
    let harness = ConsumerHarness::new(&stack.cloud.config, "mail").await;
    let (cloud, client) = (stack.cloud.config.http_client().unwrap(), client.clone());
    let recording = http_client_fn(move |settings, components| {
        let cloud = cloud.http_connector(settings, components);
        SharedHttpConnector::new(RecordingConnector { client: client.clone(), cloud })
    });
    let config = stack.cloud.config.to_builder().http_client(recording).build();
    let set = stack.deployed.name.clone();
    let mut env = Env::from_lookup(move |name| match name {
        "SENDER_ADDRESS" => sender.clone(),
        "SES_CONFIGURATION_SET" => Some(set.clone()),
        _ => None,
    });
    let email = Email::from_env(&mut env, &Clients::from_sdk(config));
    env.finish(()).unwrap();
    let dedup = DedupConfig { marker_ttl_days: 90 };
    let (table, queue) = (harness.table.clone(), harness.queue.clone());
    let batch = Batch::leased(email, table, queue, SignedDuration::from_secs(60), dedup, harness.clock.clone());
    (harness, batch)
}

fn sender(stack: &TestStack) -> Option<String> {
    stack.deployed.consumer("email").unwrap().sender.clone()
}

/// An order whose address belongs to one test.
fn order_of(user: &str) -> String {
    order(1).replace("ada@example.com", &format!("{user}@example.com"))
}

#[tokio::test]
async fn yard_email_shows_sent_mail() {
    let stack = TestStack::shared().await;
    let user = new_user_id();
    let sku = stack.create_product("1234.50", true, 5).await;
    let id = stack.place_order(&new_cart(&user, &[(&sku, 2)])).await;
    stack.wait_until_applied(&id).await;

    let sent = LastMail::read(&stack.cloud, &stack.deployed, &id).await.unwrap();
    let mails = stack.mails_to(&format!("{user}@example.com")).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["MessageId"], sent.reference.as_str());
    let mail = sent.mail.clone().unwrap();
    assert_eq!((Some(mail.from), mail.to), (sender(&stack), vec![format!("{user}@example.com")]));
    assert!(mail.subject.ends_with(&format!("({id})")), "{}", mail.subject);
    let shown = sent.render();
    for part in [id.as_str(), &sku, "$1,234.50", "Total: $2,469.00", &sent.sent_at] {
        assert!(shown.contains(part), "{part} is missing from\n{shown}");
    }
    let file = std::env::temp_dir().join(format!("{id}.html"));
    sent.save_html(&file).unwrap();
    let html = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains(&id) && html.contains("$2,469.00"));
}

/// The cancellation of the order of `order_of`.
fn cancellation_of(user: &str) -> String {
    let order = parse_body(&order_of(user)).map(|raw| OrderPlaced::parse(&raw).unwrap()).unwrap();
    let at = order.placed_at + SignedDuration::from_mins(1);
    body(&order_cancelled(order, CancellationReason::Requested, at))
}

/// The subjects of the mails that SES was asked to send, without product and order.
fn subjects(client: &RecordingClient) -> Vec<String> {
    let requests = client.requests.lock().unwrap();
    let subject = |request: &Value| request["Content"]["Simple"]["Subject"]["Data"].as_str().map(str::to_owned);
    let subjects = requests.iter().filter_map(subject);
    subjects.map(|subject| subject.split_once(':').unwrap().0.to_owned()).collect()
}

#[tokio::test]
async fn first_mail_is_never_sent_after_cancellation_mail() {
    let stack = TestStack::shared().await;
    for round in 0..8 {
        let (client, user) = (RecordingClient::default(), new_user_id());
        let (harness, batch) = new_email_batch(&stack, sender(&stack), &client).await;
        let mut bodies = [vec![order_of(&user); 2], vec![cancellation_of(&user); 2]].concat();
        fastrand::shuffle(&mut bodies);
        let first_is_cancellation = bodies[0] == cancellation_of(&user);
        for body in bodies {
            assert!(harness.process(&batch, harness.receive(&[body]).await).await.is_empty());
        }
        let expected: &[&str] = if first_is_cancellation { &["Cancelled"] } else { &["Your order", "Cancelled"] };
        assert_eq!(subjects(&client), expected, "round {round}");
        assert_eq!((harness.applied_count().await, harness.dead_letters().await.len()), (2, 0));
    }
}

#[tokio::test]
async fn both_mails_in_one_batch_are_sent_in_order() {
    let stack = TestStack::shared().await;
    for _ in 0..4 {
        let (client, user) = (RecordingClient::default(), new_user_id());
        let (harness, batch) = new_email_batch(&stack, sender(&stack), &client).await;
        let mut messages = harness.receive(&[cancellation_of(&user), order_of(&user)]).await;
        // Handled concurrently: the cancellation waits for a lease of the first mail, or takes its place.
        while !messages.is_empty() {
            let returned = harness.process(&batch, messages).await.len();
            messages = harness.receive_again(returned).await;
            harness.clock.set(harness.clock.now() + SignedDuration::from_secs(61));
        }
        let sent = subjects(&client);
        assert!(sent == ["Cancelled"] || sent == ["Your order", "Cancelled"], "{sent:?}");
    }
}

#[tokio::test]
async fn cancellation_waits_for_first_mail_in_flight() {
    let stack = TestStack::shared().await;
    let (client, user) = (RecordingClient::default(), new_user_id());
    let (harness, batch) = new_email_batch(&stack, sender(&stack), &client).await;
    let order = order_of(&user);
    // Another worker is sending the first mail.
    let until = harness.clock.now() + SignedDuration::from_secs(30);
    let key = Key::new("ORDER#ord_conformance1", format!("EVENT#{}", event_id(&order)));
    let lease = Row::new(key).set("event_id", event_id(&order).as_str()).set("owner", "another");
    harness.table.put(lease.set("lease_until", until.as_millisecond())).await.unwrap();
    let messages = harness.receive(&[cancellation_of(&user)]).await;
    assert_eq!(harness.process(&batch, messages.clone()).await.len(), 1, "it must wait");
    assert!(subjects(&client).is_empty());
    // That worker died.
    harness.clock.set(until);
    assert!(harness.process(&batch, messages).await.is_empty());
    assert!(harness.process(&batch, harness.receive(&[order]).await).await.is_empty());
    assert_eq!(subjects(&client), ["Cancelled"]);
}

#[tokio::test]
async fn published_cancellation_mail_is_the_last() {
    let stack = TestStack::shared().await;
    let order = new_order("CA", &["MUG-01"]);
    publish_order_and_cancellation(&stack, &order).await;
    let pk = format!("ORDER#{}", order.order_id);
    let is_done = |row: &crate::support::Item| row.contains_key("processed_at");
    wait_until("both events are applied", async || {
        let rows = stack.query(stack.table_of("email"), &pk).await;
        rows.len() == 2 && rows.iter().all(is_done)
    })
    .await;
    let mails = stack.mails_to(order.email.reveal().as_str()).await;
    let count =
        |subject: &str| mails.iter().filter(|mail| mail["Subject"].as_str().unwrap().starts_with(subject)).count();
    assert_eq!(count("Cancelled: "), 1);
    assert!(count("Your order: ") <= 1 && mails.len() <= 2, "{mails:?}");
    let last = LastMail::read(&stack.cloud, &stack.deployed, order.order_id.as_str()).await.unwrap();
    assert_eq!(last.event_type, "OrderCancelled");
    let shown = last.render();
    for part in ["Your order is cancelled", "It was cancelled on request. Nothing will be sent to you."] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[tokio::test]
async fn yard_email_of_unknown_order_fails_with_exit_code() {
    let stack = TestStack::shared().await;
    let error = LastMail::read(&stack.cloud, &stack.deployed, "ord_unknown").await.unwrap_err();
    assert_eq!(exit::code_for(&error), exit::UNKNOWN_ORDER);
}

#[tokio::test]
async fn mail_has_configuration_set_and_event_id_tag() {
    let stack = TestStack::shared().await;
    let function = &stack.deployed.consumer("email").unwrap().function;
    let configuration = stack.cloud.lambda.get_function_configuration().function_name(function).send().await.unwrap();
    let variables = configuration.environment.unwrap().variables.unwrap();
    let set = &variables["SES_CONFIGURATION_SET"];
    assert_eq!(*set, stack.deployed.name);
    stack.cloud.ses.get_configuration_set().configuration_set_name(set).send().await.unwrap();

    // The local cloud accepts tags and does not store them, so the request is checked.
    let (client, user) = (RecordingClient::default(), new_user_id());
    let (harness, batch) = new_email_batch(&stack, sender(&stack), &client).await;
    let body = order_of(&user);
    assert!(harness.process(&batch, harness.receive(std::slice::from_ref(&body)).await).await.is_empty());
    assert_eq!(stack.mails_to(&user).await.len(), 1);
    let requests = client.requests.lock().unwrap();
    assert_eq!(requests[0]["ConfigurationSetName"], set.as_str());
    let tags = json!([
        {"Name": "event_id", "Value": event_id(&body).as_str()},
        {"Name": "order_id", "Value": "ord_conformance1"},
    ]);
    assert_eq!(requests[0]["EmailTags"], tags);
}

#[tokio::test]
async fn unverified_sender_goes_to_dlq_and_redrive_sends_mail() {
    let stack = TestStack::shared().await;
    let (user, stranger) = (new_user_id(), Some("orders@stranger.example".to_owned()));
    let (harness, batch) = new_email_batch(&stack, stranger, &RecordingClient::default()).await;
    let body = order_of(&user);
    assert!(harness.process(&batch, harness.receive(std::slice::from_ref(&body)).await).await.is_empty());
    let dead = harness.dead_letters().await;
    assert_eq!((dead.len(), &dead[0].0, dead[0].1["error_code"].as_str()), (1, &body, "message_rejected"));
    assert!(!dead[0].1["error"].contains('@'), "{}", dead[0].1["error"]);
    assert_eq!((harness.applied_count().await, stack.mails_to(&user).await.len()), (0, 0));

    // An operator verifies the sender and redrives the dead letters.
    let email = stack.cloud.ses.create_email_identity().email_identity("orders@stranger.example");
    email.send().await.unwrap();
    assert!(harness.process(&batch, harness.receive(&[dead[0].0.clone()]).await).await.is_empty());
    assert_eq!((harness.applied_count().await, stack.mails_to(&user).await.len()), (1, 1));
    stack.cloud.ses.delete_email_identity().email_identity("orders@stranger.example").send().await.unwrap();
}

#[tokio::test]
async fn ses_throttle_retries_and_sends_once() {
    let stack = TestStack::shared().await;
    let (user, client) = (
        new_user_id(),
        RecordingClient { error_count: 2, error: "TooManyRequestsException", ..RecordingClient::default() },
    );
    let (harness, batch) = new_email_batch(&stack, sender(&stack), &client).await;
    assert!(harness.process(&batch, harness.receive(&[order_of(&user)]).await).await.is_empty());
    assert_eq!((harness.applied_count().await, stack.mails_to(&user).await.len()), (1, 1));
    assert_eq!(client.requests.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn constant_ses_throttle_returns_message_not_to_dlq() {
    let stack = TestStack::shared().await;
    let (user, client) = (
        new_user_id(),
        RecordingClient { error_count: usize::MAX, error: "TooManyRequestsException", ..RecordingClient::default() },
    );
    let (harness, batch) = new_email_batch(&stack, sender(&stack), &client).await;
    let messages = harness.receive(&[order_of(&user)]).await;
    let id = messages[0].message_id.clone().unwrap();
    let back = harness.process(&batch, messages).await;
    assert_eq!(back, [id].into());
    assert!(harness.dead_letters().await.is_empty());
    assert_eq!((harness.applied_count().await, stack.mails_to(&user).await.len()), (0, 0));
}
