//! A consumer's resources behind a proxy that injects faults into its AWS calls.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use switchyard_chassis::conformance::ConsumerHarness;
use switchyard_chassis::{
    Apply, Batch, Clients, Consumer, DedupConfig, Effects, Env, Failure, Key, Queue, Received, Row, Table,
    Transactional,
};
use switchyard_events::{EventId, OrderPlaced};
use switchyard_faults::{Fault, Proxy, ProxyHooks, Rule};
use tokio::time::Instant;

use super::{TestStack, text};

pub const DEDUP: DedupConfig = DedupConfig { marker_ttl_days: 90 };

/// The time that a batch has when the test is not about deadlines.
pub const BATCH_TIMEOUT: Duration = Duration::from_secs(25);

/// A table and queues for one test.
///
/// `table`, `queue` and `clients` call AWS through the proxy; `harness` and `stack` do not.
pub struct FaultSetup {
    pub stack: TestStack,
    pub harness: ConsumerHarness,
    pub proxy: Proxy,
    pub clients: Clients,
    pub table: Table,
    pub queue: Queue,
}

impl FaultSetup {
    pub async fn new(name: &str) -> Self {
        struct NoHooks;
        impl ProxyHooks for NoHooks {}
        Self::with_hooks(name, NoHooks).await
    }

    /// Like [`Self::new`], with hooks for the calls through the proxy.
    pub async fn with_hooks(name: &str, hooks: impl ProxyHooks + 'static) -> Self {
        let stack = TestStack::shared().await;
        let harness = ConsumerHarness::new(&stack.cloud.config, name).await;
        let proxy = Proxy::start_with_hooks(0, fastrand::u64(..), Box::new(hooks)).await.unwrap();
        proxy.forward_to(stack.cloud.endpoint.as_deref().unwrap());
        let clients = fault_clients(&proxy);
        let table = Table::new(aws_sdk_dynamodb::Client::new(clients.sdk()), harness.table.name());
        let queue = Queue { client: aws_sdk_sqs::Client::new(clients.sdk()), ..harness.queue.clone() };
        Self { stack, harness, proxy, clients, table, queue }
    }

    pub fn batch<C: Consumer>(&self, consumer: C) -> Batch<Transactional<C>> {
        Batch::transactional(consumer, self.table.clone(), self.queue.clone(), DEDUP, self.harness.clock.clone())
    }

    /// Processes a batch within `timeout` and deletes the successful messages, as Lambda does.
    ///
    /// Returns the ids of the other messages.
    pub async fn process<A: Apply>(
        &self,
        batch: &Batch<A>,
        messages: &[SqsMessage],
        timeout: Duration,
    ) -> BTreeSet<String> {
        let mut event = SqsEvent::default();
        event.records = messages.to_vec();
        let response = batch.process(event, Instant::now() + timeout).await;
        let back: BTreeSet<_> = response.batch_item_failures.into_iter().map(|item| item.item_identifier).collect();
        for message in messages.iter().filter(|message| !back.contains(message_id(message))) {
            let request = self.harness.queue.client.delete_message().queue_url(&self.harness.queue.url);
            request.set_receipt_handle(message.receipt_handle.clone()).send().await.unwrap();
        }
        back
    }

    /// The number of each applied order, with the receive count of its message, sorted.
    pub async fn applied(&self) -> Vec<(String, String)> {
        let rows = self.harness.rows().await;
        let marked = rows.iter().filter(|row| row.contains_key("processed_at"));
        let mut applied: Vec<_> = marked
            .map(|row| (text(row, "pk"), text(row, "receives")))
            .map(|(pk, receives)| (pk.replace("ORDER#ord_conformance", ""), receives))
            .collect();
        applied.sort();
        applied
    }

    /// How often the proxy injected this kind of fault into the operation, such as `dynamodb PutItem`.
    pub fn injected(&self, operation: &str, kind: &str) -> u64 {
        self.proxy.counts().get(operation).and_then(|kinds| kinds.get(kind)).copied().unwrap_or_default()
    }
}

/// Clients configured as in the functions, with the same timeouts and retries.
pub fn fault_clients(proxy: &Proxy) -> Clients {
    let url = proxy.url();
    let mut env = Env::from_lookup(move |name| match name {
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".into()),
        "AWS_REGION" => Some("us-east-1".into()),
        "AWS_ENDPOINT_URL" => Some(url.clone()),
        _ => None,
    });
    let clients = Clients::from_env(&mut env);
    env.finish(clients).unwrap()
}

/// A consumer whose handler is a closure.
pub struct FnConsumer<F>(pub F);

impl<F: Fn(&Received<OrderPlaced>, &mut Effects) -> Result<(), Failure>> Consumer for FnConsumer<F> {
    const NAME: &'static str = "probe";
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        (self.0)(order, effects)
    }
}

/// The row that a test consumer records for an order.
pub fn order_row(order: &OrderPlaced) -> Row {
    Row::new(Key::new(format!("ORDER#{}", order.order_id), "ROW"))
}

/// Whether this is the conformance suite's `n`th order.
pub fn is_order(order: &OrderPlaced, n: u32) -> bool {
    order.order_id.as_str() == format!("ord_conformance{n}")
}

pub fn event_id_of_order(n: u32) -> EventId {
    EventId::derive("OrderPlaced", &format!("ord_conformance{n}"), 1)
}

/// The id of the `n`th order's message, as a set to compare with [`FaultSetup::process`].
pub fn message_of_order(n: u32, messages: &[SqsMessage]) -> BTreeSet<String> {
    let name = format!("\"ord_conformance{n}\"");
    let message = messages.iter().find(|message| message.body.as_deref().unwrap().contains(&name));
    BTreeSet::from([message_id(message.unwrap()).to_owned()])
}

/// Injects the fault into every call of the operation.
pub fn fail_always(service: &str, operation: &str, fault: Fault) -> Vec<Rule> {
    vec![Rule::new(service, operation, fault)]
}

/// Injects the fault into the first `count` calls of the operation.
pub fn fail_first(count: u64, service: &str, operation: &str, fault: Fault) -> Vec<Rule> {
    vec![Rule::new(service, operation, fault).times(count)]
}

fn message_id(message: &SqsMessage) -> &str {
    message.message_id.as_deref().unwrap()
}
