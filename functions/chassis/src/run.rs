//! From `main` to the Lambda runtime.

use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use jiff::SignedDuration;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use tokio::time::Instant;

use crate::apply::Apply;
use crate::batch::DedupConfig;
use crate::{Batch, Clients, Clock, Consumer, Env, Queue, Sender, Table, logs, panics};

/// Time kept free at the end of an invocation, to answer for what was not done.
const RESERVE: Duration = Duration::from_secs(2);

/// Runs a consumer whose effect lies in its own table. Configuration is read, clients are built and the connection is opened
/// before the first event.
pub async fn consume<C: Consumer>(consumer: impl FnOnce(&mut Env) -> C) -> Result<(), Error> {
    let (mut env, clients) = start();
    let consumer = consumer(&mut env);
    let (table, queue, memory) = common(&mut env, &clients);
    env.finish(())?;
    table.warm_up().await;
    serve(Batch::transactional(consumer, table, queue, memory, Clock::system())).await
}

/// Runs a consumer whose effect lies elsewhere, under a lease of `LEASE_SECONDS` (default 60).
pub async fn deliver<S: Sender>(sender: impl FnOnce(&mut Env, &Clients) -> S) -> Result<(), Error> {
    let (mut env, clients) = start();
    let sender = sender(&mut env, &clients);
    let (table, queue, memory) = common(&mut env, &clients);
    let lease = SignedDuration::from_secs(env.or("LEASE_SECONDS", 60));
    env.finish(())?;
    table.warm_up().await;
    serve(Batch::leased(sender, table, queue, lease, memory, Clock::system())).await
}

/// What every function begins with: logs, the panic hook, and the configuration of its clients.
pub fn start() -> (Env, Clients) {
    let mut env = Env::process();
    logs::start(&mut env);
    panics::hook();
    let clients = Clients::from_env(&mut env);
    (env, clients)
}

fn common(env: &mut Env, clients: &Clients) -> (Table, Queue, DedupConfig) {
    let table = Table::new(aws_sdk_dynamodb::Client::new(clients.sdk()), env.required::<String>("TABLE_NAME"));
    let queue = Queue::from_env(env, aws_sdk_sqs::Client::new(clients.sdk()));
    (table, queue, DedupConfig::from_env(env))
}

async fn serve<A: Apply>(batch: Batch<A>) -> Result<(), Error> {
    let batch = &batch;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let deadline = deadline(event.context.deadline, &Clock::system());
        Ok::<_, Error>(batch.process(event.payload, deadline).await)
    }))
    .await
}

/// The moment after which no new work is begun: the invocation's end less the time to answer for it.
pub fn deadline(end_ms: u64, clock: &Clock) -> Instant {
    let now_ms = u64::try_from(clock.now().as_millisecond()).unwrap_or(0);
    Instant::now() + Duration::from_millis(end_ms.saturating_sub(now_ms)).saturating_sub(RESERVE)
}
