//! The confirmation, from the consumer to the mailbox.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use email::Email;
use jiff::SignedDuration;
use serde_json::{Value, json};
use switchyard_chassis::conformance::{ConsumerHarness, event_id, order};
use switchyard_chassis::{Batch, Clients, DedupConfig, Env, Leased};
use yard::email::Confirmation;
use yard::exit;

use crate::world::{World, cart, user};

/// Stands before the local cloud: notes what is sent there, and turns away the first few requests.
#[derive(Debug, Clone, Default)]
struct Gate {
    seen: Arc<Mutex<Vec<Value>>>,
    /// How many are turned away, and the error that they get.
    refusals: usize,
    error: &'static str,
}

#[derive(Debug)]
struct Guarded {
    gate: Gate,
    cloud: SharedHttpConnector,
}

impl HttpConnector for Guarded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut seen = self.gate.seen.lock().unwrap();
        seen.push(serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default());
        if seen.len() > self.gate.refusals {
            return self.cloud.call(request);
        }
        let mut refusal = HttpResponse::new(429.try_into().unwrap(), SdkBody::from("{}"));
        refusal.headers_mut().insert("x-amzn-errortype", self.gate.error);
        HttpConnectorFuture::ready(Ok(refusal))
    }
}

/// The email consumer with a table and queues of this test's own, and a gate on its way to SES.
async fn desk(world: &World, sender: Option<String>, gate: &Gate) -> (ConsumerHarness, Batch<Leased<Email>>) {
    let bench = ConsumerHarness::new(&world.cloud.config, "mail").await;
    let (cloud, gate) = (world.cloud.config.http_client().unwrap(), gate.clone());
    let guarded = http_client_fn(move |settings, components| {
        let cloud = cloud.http_connector(settings, components);
        SharedHttpConnector::new(Guarded { gate: gate.clone(), cloud })
    });
    let config = world.cloud.config.to_builder().http_client(guarded).build();
    let set = world.stack.name.clone();
    let mut env = Env::from_lookup(move |name| match name {
        "SENDER_ADDRESS" => sender.clone(),
        "SES_CONFIGURATION_SET" => Some(set.clone()),
        _ => None,
    });
    let email = Email::from_env(&mut env, &Clients::from_sdk(config));
    env.finish(()).unwrap();
    let memory = DedupConfig { marker_ttl_days: 90 };
    let (table, queue) = (bench.table.clone(), bench.queue.clone());
    let batch = Batch::leased(email, table, queue, SignedDuration::from_secs(60), memory, bench.clock.clone());
    (bench, batch)
}

fn sender(world: &World) -> Option<String> {
    world.stack.consumer("email").unwrap().sender.clone()
}

/// An order to an address of this test's own.
fn order_of(user: &str) -> String {
    order(1).replace("ada@example.com", &format!("{user}@example.com"))
}

#[tokio::test]
async fn a_sent_confirmation_is_shown_as_the_customer_got_it() {
    let world = World::shared().await;
    let user = user();
    let sku = world.stock("1234.50", true, 5).await;
    let id = world.place(&cart(&user, &[(&sku, 2)])).await;
    world.done(&id).await;

    let sent = Confirmation::read(&world.cloud, &world.stack, &id).await.unwrap();
    let mails = world.mails_to(&format!("{user}@example.com")).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["MessageId"], sent.reference.as_str());
    let mail = sent.mail.clone().unwrap();
    assert_eq!((Some(mail.from), mail.to), (sender(&world), vec![format!("{user}@example.com")]));
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

#[tokio::test]
async fn a_confirmation_of_an_order_that_nobody_placed_is_an_unknown_order() {
    let world = World::shared().await;
    let error = Confirmation::read(&world.cloud, &world.stack, "ord_nobody").await.unwrap_err();
    assert_eq!(exit::code_for(&error), exit::UNKNOWN_ORDER);
}

#[tokio::test]
async fn mail_leaves_under_the_stacks_configuration_set_with_the_event_id_as_a_tag() {
    let world = World::shared().await;
    let function = &world.stack.consumer("email").unwrap().function;
    let configuration = world.cloud.lambda.get_function_configuration().function_name(function).send().await.unwrap();
    let variables = configuration.environment.unwrap().variables.unwrap();
    let set = &variables["SES_CONFIGURATION_SET"];
    assert_eq!(*set, world.stack.name);
    world.cloud.ses.get_configuration_set().configuration_set_name(set).send().await.unwrap();

    // The local cloud keeps no tags, but this is what it was sent and what it took.
    let (gate, user) = (Gate::default(), user());
    let (bench, batch) = desk(&world, sender(&world), &gate).await;
    let body = order_of(&user);
    assert!(bench.process(&batch, bench.receive(std::slice::from_ref(&body)).await).await.is_empty());
    assert_eq!(world.mails_to(&user).await.len(), 1);
    let seen = gate.seen.lock().unwrap();
    assert_eq!(seen[0]["ConfigurationSetName"], set.as_str());
    let tags = json!([
        {"Name": "event_id", "Value": event_id(&body).as_str()},
        {"Name": "order_id", "Value": "ord_conformance1"},
    ]);
    assert_eq!(seen[0]["EmailTags"], tags);
}

#[tokio::test]
async fn an_order_whose_sender_is_not_verified_is_dead_at_once_and_sent_after_a_redrive() {
    let world = World::shared().await;
    let (user, stranger) = (user(), Some("orders@stranger.example".to_owned()));
    let (bench, batch) = desk(&world, stranger, &Gate::default()).await;
    let body = order_of(&user);
    assert!(bench.process(&batch, bench.receive(std::slice::from_ref(&body)).await).await.is_empty());
    let dead = bench.dead_letters().await;
    assert_eq!((dead.len(), &dead[0].0, dead[0].1["error_code"].as_str()), (1, &body, "message_rejected"));
    assert!(!dead[0].1["error"].contains('@'), "{}", dead[0].1["error"]);
    assert_eq!((bench.applied_count().await, world.mails_to(&user).await.len()), (0, 0));

    // Somebody verifies the sender, and sends the dead letters back.
    let email = world.cloud.ses.create_email_identity().email_identity("orders@stranger.example");
    email.send().await.unwrap();
    assert!(bench.process(&batch, bench.receive(&[dead[0].0.clone()]).await).await.is_empty());
    assert_eq!((bench.applied_count().await, world.mails_to(&user).await.len()), (1, 1));
    world.cloud.ses.delete_email_identity().email_identity("orders@stranger.example").send().await.unwrap();
}

#[tokio::test]
async fn mail_that_comes_too_fast_waits_its_turn_and_is_sent_once() {
    let world = World::shared().await;
    let (user, gate) = (user(), Gate { refusals: 2, error: "TooManyRequestsException", ..Gate::default() });
    let (bench, batch) = desk(&world, sender(&world), &gate).await;
    assert!(bench.process(&batch, bench.receive(&[order_of(&user)]).await).await.is_empty());
    assert_eq!((bench.applied_count().await, world.mails_to(&user).await.len()), (1, 1));
    assert_eq!(gate.seen.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn mail_that_keeps_coming_too_fast_goes_back_into_the_queue_and_not_to_the_dead_letters() {
    let world = World::shared().await;
    let (user, gate) = (user(), Gate { refusals: usize::MAX, error: "TooManyRequestsException", ..Gate::default() });
    let (bench, batch) = desk(&world, sender(&world), &gate).await;
    let messages = bench.receive(&[order_of(&user)]).await;
    let id = messages[0].message_id.clone().unwrap();
    let back = bench.process(&batch, messages).await;
    assert_eq!(back, [id].into());
    assert!(bench.dead_letters().await.is_empty());
    assert_eq!((bench.applied_count().await, world.mails_to(&user).await.len()), (0, 0));
}
