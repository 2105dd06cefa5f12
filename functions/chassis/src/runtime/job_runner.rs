//! From a job's `main` to the Lambda runtime.

use std::rc::Rc;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value as Json;

use crate::runtime::entrypoint::{deadline, start};
use crate::{Clock, Env, Job, Scheduled, Table};

/// Runs a scheduled function. A failed run fails the invocation, so that Lambda retries it and the alarm fires.
pub async fn schedule<S: Scheduled>(scheduled: impl FnOnce(&mut Env) -> S) -> Result<(), Error> {
    let (mut env, clients) = start();
    let scheduled = scheduled(&mut env);
    let table = Table::new(aws_sdk_dynamodb::Client::new(clients.sdk()), env.required::<String>("TABLE_NAME"));
    env.finish(())?;
    let scheduled = Rc::new(scheduled);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Json>| {
        let (scheduled, table) = (Rc::clone(&scheduled), table.clone());
        async move {
            let clock = Clock::system();
            let deadline = deadline(event.context.deadline, &clock);
            let summary = scheduled.run(&Job::new(S::NAME, S::PRODUCER, table, clock, deadline)?).await;
            match &summary {
                Ok(did) => tracing::info!(job = S::NAME, %did, "done"),
                Err(failure) => tracing::error!(job = S::NAME, error = %failure, "failed"),
            }
            summary.map_err(Error::from)
        }
    }))
    .await
}
