//! The stack of an earlier version, before it is upgraded, and what is left unfinished in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use futures_util::future::try_join_all;
use switchyard_faults::{Fault, Proxy, Rule};
use tokio::time::{Instant, sleep};
use yard::{Api, Cloud, Consumer, Instance, StackCore};

use crate::call_recorder::CallRecorder;
use crate::dead_letters::DeadLetterBodies;
use crate::earlier_version::EarlierVersion;
use crate::mapping::set_mapping_enabled;
use crate::products::Product;
use crate::queues;
use crate::soak_stack::free_port;

/// No version can read this message. Each dead-letters it at once.
const UNREADABLE: &str = "not an event";

/// How long a message may take to its dead-letter queue.
const DEAD_LETTER_TIMEOUT: Duration = Duration::from_mins(1);

/// Between two reads of a queue.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// A stack of an earlier version.
pub(crate) struct EarlierStack {
    pub(crate) instance: Instance,
    pub(crate) cloud: Cloud,
    pub(crate) core: StackCore,
    pub(crate) api: Api,
    pub(crate) proxy: Proxy,
    pub(crate) recorder: Arc<CallRecorder>,
    pub(crate) products: Vec<Product>,
    pub(crate) roles: Roles,
}

/// The consumers for which something is left unfinished. The seed chooses them.
pub(crate) struct Roles {
    /// Stays disabled until the deployment is done: its messages were never received.
    pub(crate) disabled: Consumer,
    /// Its table cannot be reached until the deployment is done: its messages were received and failed.
    pub(crate) failing: Consumer,
    /// Has an unreadable message in its dead-letter queue.
    pub(crate) poisoned: Consumer,
}

impl EarlierStack {
    /// Deploys the version into an instance that is not up. Its functions call AWS through a fault proxy.
    pub(crate) async fn start(
        version: &EarlierVersion,
        instance: &Instance,
        products: Vec<Product>,
        seed: u64,
    ) -> Result<Self> {
        let recorder = Arc::new(CallRecorder::default());
        let proxy = Proxy::start_with_hooks(0, seed, Box::new(Arc::clone(&recorder))).await;
        let proxy = proxy.context("the fault proxy cannot listen")?;
        let port = free_port().context("no free port on 127.0.0.1")?;
        proxy.forward_to(&format!("http://127.0.0.1:{port}"));
        let cloud = version.deploy(instance, port, &proxy.url(), &products).await?.cloud();
        let core = StackCore::read(&cloud).await?;
        let api = Api::new(&cloud, &core.api_url)?;
        let roles = Roles::choose(&core, seed)?;
        Ok(Self { instance: instance.clone(), cloud, core, api, proxy, recorder, products, roles })
    }

    /// Stops the delivery of messages to all consumers.
    pub(crate) async fn disable_consumers(&self) -> Result<()> {
        let consumers = self.core.consumers.iter();
        try_join_all(consumers.map(|consumer| set_mapping_enabled(&self.cloud, consumer, false))).await?;
        Ok(())
    }

    /// Lets the earlier version receive the messages of the failing consumer, which it cannot apply.
    pub(crate) async fn fail_messages(&self) -> Result<()> {
        self.set_outages(true);
        set_mapping_enabled(&self.cloud, &self.roles.failing, true).await
    }

    /// Starts the delivery to all consumers but the one that stays disabled.
    pub(crate) async fn enable_consumers(&self) -> Result<()> {
        let enabled = self.core.consumers.iter().filter(|consumer| consumer.name != self.roles.disabled.name);
        try_join_all(enabled.map(|consumer| set_mapping_enabled(&self.cloud, consumer, true))).await?;
        Ok(())
    }

    /// Puts the failing consumer's table out of reach and, with `bus`, the bus for the events of checkout.
    pub(crate) fn set_outages(&self, bus: bool) {
        let outage = || Fault::InternalError { after_effect: false };
        let table = format!("\"{}\"", self.roles.failing.table);
        let mut rules = vec![Rule::new("dynamodb", "*", outage()).containing(&table)];
        if bus {
            rules.push(Rule::new("events", "PutEvents", outage()).containing("switchyard.checkout"));
        }
        self.proxy.set_rules(rules);
    }

    /// How many calls have failed for this operation, such as `events PutEvents`.
    pub(crate) fn failed_calls(&self, operation: &str) -> u64 {
        let counts = self.proxy.counts();
        counts.get(operation).and_then(|kinds| kinds.get("error")).copied().unwrap_or_default()
    }

    /// All messages in the consumers' queues, by consumer.
    pub(crate) async fn count_queued(&self) -> Result<BTreeMap<String, u64>> {
        let mut queued = BTreeMap::new();
        for consumer in &self.core.consumers {
            queued.insert(consumer.name.clone(), queues::count_all(&self.cloud, [consumer]).await?);
        }
        Ok(queued)
    }

    /// Sends an unreadable message, and waits until the earlier version has dead-lettered it.
    pub(crate) async fn plant_unreadable(&self) -> Result<DeadLetterBodies> {
        let Consumer { name, queue_url, dlq_url, .. } = &self.roles.poisoned;
        let sent = self.cloud.sqs.send_message().queue_url(queue_url).message_body(UNREADABLE).send().await;
        sent.with_context(|| format!("no message can be sent to the queue of {name}"))?;
        let deadline = Instant::now() + DEAD_LETTER_TIMEOUT;
        while !queues::has_messages(&self.cloud, dlq_url).await? {
            ensure!(Instant::now() < deadline, "{name} does not dead-letter an unreadable message");
            sleep(POLL_INTERVAL).await;
        }
        Ok([(dlq_url.clone(), vec![UNREADABLE.to_owned()])].into())
    }

    /// Moves some messages of the disabled consumer to its dead-letter queue, as SQS itself does after too many receives.
    /// Returns their number.
    pub(crate) async fn move_to_dead_letters(&self) -> Result<u64> {
        let Consumer { name, queue_url, dlq_url, .. } = &self.roles.disabled;
        let messages = queues::receive_batch(&self.cloud, queue_url).await?;
        for message in &messages {
            let body = message.body().unwrap_or_default();
            let sent = self.cloud.sqs.send_message().queue_url(dlq_url).message_body(body).send().await;
            sent.with_context(|| format!("no message of {name} can be moved"))?;
            queues::delete(&self.cloud, queue_url, message).await?;
        }
        Ok(messages.len() as u64)
    }
}

impl Roles {
    fn choose(core: &StackCore, seed: u64) -> Result<Self> {
        let mut consumers = core.consumers.clone();
        Rng::with_seed(seed).shuffle(&mut consumers);
        // Without the orders table no order could be placed.
        let failing = consumers.iter().position(|consumer| consumer.table != core.orders_table);
        let failing = consumers.remove(failing.context("no consumer has a table of its own")?);
        let mut others = consumers.into_iter();
        let disabled = others.next().context("an upgrade needs three consumers")?;
        let poisoned = others.next().context("an upgrade needs three consumers")?;
        Ok(Self { disabled, failing, poisoned })
    }
}
