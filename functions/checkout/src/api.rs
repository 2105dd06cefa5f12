//! [`Api`]: what the functions behind the order API share: deadline, panics, logs, metrics, and the response as API Gateway wants it.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use futures_util::FutureExt;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use switchyard_chassis::{Clock, Table, deadline, start};
use tokio::time::{Instant, timeout_at};

use crate::endpoint::Endpoint;
use crate::http::{Request, json_response, problem_response};
use crate::problem::Problem;
use crate::report::report;

/// An endpoint as Lambda invokes it.
pub struct Api<E> {
    endpoint: E,
    table: Table,
    clock: Clock,
}

impl<E: Endpoint> Api<E> {
    /// Creates the API. `table` stores orders and stock.
    pub fn new(table: Table, clock: Clock) -> Self {
        Self { endpoint: E::new(table.clone(), clock.clone()), table, clock }
    }

    /// Answers one request by the deadline. A panic is answered with status 500, a timeout with 503.
    pub async fn handle(&self, request: ApiGatewayV2httpRequest, deadline: Instant) -> ApiGatewayV2httpResponse {
        let started = Instant::now();
        let request = Request(&request);
        let answer = AssertUnwindSafe(self.endpoint.answer(request, deadline)).catch_unwind();
        let result = match timeout_at(deadline, answer).await {
            Ok(Ok(result)) => result,
            // The panic hook has logged the place of the panic.
            Ok(Err(_panic)) => Err(Problem::internal()),
            Err(_timeout) => Err(Problem::busy()),
        };
        report::<E>(request, &result, self.table.take_usage(), started.elapsed(), self.clock.now());
        match result {
            Ok(response) => json_response(response),
            Err(problem) => problem_response(&problem),
        }
    }
}

/// Serves an endpoint until Lambda stops the process.
///
/// # Errors
///
/// The environment is not complete, or the runtime's API failed.
pub async fn serve<E: Endpoint>() -> Result<(), Error> {
    let (mut env, clients) = start();
    let client = aws_sdk_dynamodb::Client::new(clients.sdk());
    let table = Table::new(client, env.required::<String>("TABLE_NAME"));
    let clock = Clock::system();
    let api = &Api { endpoint: E::new(table.clone(), clock.clone()).configured(&mut env), table, clock };
    env.finish(())?;
    E::warm_up(&api.table).await;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        let deadline = deadline(event.context.deadline, &api.clock);
        Ok::<_, Error>(Box::pin(api.handle(event.payload, deadline)).await)
    }))
    .await
}
