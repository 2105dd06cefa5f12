//! `yard cancel`: cancels an order in place of its owner.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use aws_sdk_lambda::primitives::Blob;
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::aws::clients::Cloud;
use crate::aws::http::HttpResponse;
use crate::commands::context::{CommandContext, Completion, JsonArgs, RegionArgs};
use crate::commands::order::checkout_response::CheckoutResponse;
use crate::stack::deployed::Stack;
use crate::stack::error::StackError;
use crate::terminal::output::print_result;

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    order_id: String,
    /// Wait so long for the warehouse's decision; 0 only requests the cancellation
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u8).range(0..=20))]
    wait: u8,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    region: RegionArgs,
}

impl CancelArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        let (cloud, stack) = context.connect(self.region.region).await?;
        let response = cancel_order(&cloud, &stack, &self.order_id, self.wait).await?;
        if response.status == 404 {
            let (order_id, table) = (self.order_id, stack.orders_table);
            return Err(StackError::UnknownOrder { order_id, table }.into());
        }
        let is_done = response.is_success() && (self.wait == 0 || response.json()["status"] == "cancelled");
        print_result(&CheckoutResponse::from_http(&response), self.json.json, CheckoutResponse::render)?;
        Ok(Completion::from_success(is_done))
    }
}

/// The function's answer, as API Gateway receives it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProxyResponse {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

/// Cancels an order by the API's own function. It is invoked directly, because the API knows an order only by the caller that placed
/// it, and with a JWT issuer it takes no AWS credentials at all. So this needs the permission `lambda:InvokeFunction`.
pub async fn cancel_order(cloud: &Cloud, stack: &Stack, order_id: &str, wait_secs: u8) -> Result<HttpResponse> {
    let event = request(order_id, wait_secs);
    let call = cloud.lambda.invoke().function_name(&stack.orders_api).payload(Blob::new(event.to_string()));
    let answer = call.send().await.with_context(|| format!("{} cannot be invoked", stack.orders_api))?;
    let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
    if let Some(kind) = answer.function_error {
        bail!("{} failed: {kind}: {}", stack.orders_api, String::from_utf8_lossy(&payload));
    }
    let response: ProxyResponse = serde_json::from_slice(&payload).context("the function's answer is no response")?;
    let ProxyResponse { status_code, headers, body } = response;
    Ok(HttpResponse { status: status_code, headers: headers.into_iter().collect(), body: body.into_bytes() })
}

/// The request, in the form in which API Gateway passes one, from an operator instead of the order's owner.
fn request(order_id: &str, wait_secs: u8) -> serde_json::Value {
    let path = format!("/orders/{order_id}/cancel");
    let query = match wait_secs {
        0 => json!({}),
        secs => json!({"wait": "cancelled", "timeout": secs.to_string()}),
    };
    json!({
        "version": "2.0", "routeKey": "POST /orders/{id}/cancel", "rawPath": path, "rawQueryString": "", "headers": {},
        "queryStringParameters": query,
        "requestContext": {
            "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "stage": "$default", "timeEpoch": 0, "authorizer": {"lambda": {"switchyard_operator": true}},
        },
        "isBase64Encoded": false,
    })
}
