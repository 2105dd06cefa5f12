//! From `main` to the Lambda runtime.

use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use jiff::SignedDuration;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use tokio::time::Instant;

use crate::delivery::apply::Apply;
use crate::telemetry::logs;
use crate::{Batch, Clients, Clock, Consumer, DedupConfig, Env, Queue, Sender, Table, panics};

/// Time kept free at the end of an invocation, to return the messages that were not applied.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// Runs a consumer whose effect is stored in its own table. Reads the configuration, builds the clients and opens the connection
/// before the first event.
pub async fn consume<C: Consumer>(consumer: impl FnOnce(&mut Env) -> C) -> Result<(), Error> {
    let (mut env, clients) = start();
    let consumer = consumer(&mut env);
    let (table, queue, dedup) = table_and_queue(&mut env, &clients);
    env.finish(())?;
    table.warm_up().await;
    serve(Batch::transactional(consumer, table, queue, dedup, Clock::system())).await
}

/// Runs a consumer whose effect is outside DynamoDB, under a lease of `LEASE_SECONDS` (default 60).
pub async fn deliver<S: Sender>(sender: impl FnOnce(&mut Env, &Clients) -> S) -> Result<(), Error> {
    let (mut env, clients) = start();
    let sender = sender(&mut env, &clients);
    let (table, queue, dedup) = table_and_queue(&mut env, &clients);
    let lease = SignedDuration::from_secs(env.or("LEASE_SECONDS", 60));
    env.finish(())?;
    table.warm_up().await;
    serve(Batch::leased(sender, table, queue, lease, dedup, Clock::system())).await
}

/// Starts what every function needs: logs, the panic hook and the configuration of its AWS clients.
pub fn start() -> (Env, Clients) {
    let mut env = Env::process();
    logs::start(&mut env);
    panics::hook();
    let clients = Clients::from_env(&mut env);
    (env, clients)
}

fn table_and_queue(env: &mut Env, clients: &Clients) -> (Table, Queue, DedupConfig) {
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

/// When a function stops beginning new work: the end of the invocation less the time to answer. `end_ms` is the end in milliseconds
/// since 1970.
pub fn deadline(end_ms: u64, clock: &Clock) -> Instant {
    let now_ms = u64::try_from(clock.now().as_millisecond()).unwrap_or(0);
    Instant::now() + Duration::from_millis(end_ms.saturating_sub(now_ms)).saturating_sub(ANSWER_TIME)
}
