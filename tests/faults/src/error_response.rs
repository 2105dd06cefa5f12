//! Error responses in the format of each service, so that callers cannot distinguish them from real ones.
//!
//! Sources, read 2026-11-21:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>,
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html>,
//! <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>.

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::AwsCall;
use crate::fault::conflicting_actions;

/// A response with its whole body.
pub(crate) type ProxyResponse = Response<Full<Bytes>>;

/// The internal error (500) of the service.
pub(crate) fn internal_error(call: &AwsCall) -> ProxyResponse {
    let code = match call.service.as_str() {
        "dynamodb" => "com.amazonaws.dynamodb.v20120810#InternalServerError",
        "sqs" => "com.amazonaws.sqs#InternalError",
        "ses" => "InternalServiceErrorException",
        "events" => "InternalException",
        _ => "InternalFailure",
    };
    error(call, 500, code, "Internal server error (made by a fault proxy)")
}

/// The throttling error of the service.
pub(crate) fn throttled(call: &AwsCall) -> ProxyResponse {
    let (status, code) = match (call.service.as_str(), call.operation.as_str()) {
        // An on-demand table throttles with either code: one for the account's rate, one for the table's.
        ("dynamodb", "TransactWriteItems" | "Query" | "GetItem") => {
            (400, "com.amazon.coral.availability#ThrottlingException")
        }
        ("dynamodb", _) => (400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"),
        ("sqs", _) => (400, "com.amazonaws.sqs#RequestThrottled"),
        ("ses" | "execute-api", _) => (429, "TooManyRequestsException"),
        _ => (400, "ThrottlingException"),
    };
    error(call, status, code, "Rate exceeded (made by a fault proxy)")
}

/// The answer to a caller that has no permission.
pub(crate) fn access_denied(call: &AwsCall) -> ProxyResponse {
    let (status, code) = match call.service.as_str() {
        "dynamodb" | "sqs" => (400, "com.amazon.coral.service#AccessDeniedException"),
        "ses" | "execute-api" => (403, "AccessDeniedException"),
        _ => (400, "AccessDeniedException"),
    };
    error(call, status, code, "Not authorized to perform this action (denied by a fault proxy)")
}

/// An error (400) with this code.
pub(crate) fn rejected(call: &AwsCall, code: &str) -> ProxyResponse {
    let namespace = match call.service.as_str() {
        "dynamodb" => "com.amazonaws.dynamodb.v20120810#",
        "sqs" => "com.amazonaws.sqs#",
        _ => "",
    };
    error(call, 400, &format!("{namespace}{code}"), "Rejected (by a fault proxy)")
}

/// A cancelled write, with `code` as the cancellation reason of the conflicting actions.
pub(crate) fn cancelled(call: &AwsCall, item: Option<&str>, code: &str) -> ProxyResponse {
    if call.operation != "TransactWriteItems" {
        let code = format!("com.amazonaws.dynamodb.v20120810#{}", single_write_code(code));
        return error(call, 400, &code, "Transaction is ongoing for the item (made by a fault proxy)");
    }
    let conflicts = conflicting_actions(&call.json(), item);
    let codes: Vec<_> = conflicts.iter().map(|conflicts| if *conflicts { code } else { "None" }).collect();
    let cause = json!({"Code": code, "Message": format!("{code} (made by a fault proxy)")});
    let reason = |conflicts: &bool| if *conflicts { cause.clone() } else { json!({"Code": "None"}) };
    let listed = codes.join(", ");
    let message = format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{listed}]");
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": message,
        "CancellationReasons": conflicts.iter().map(reason).collect::<Vec<_>>(),
    });
    json_response(400, "application/x-amz-json-1.0", &body)
}

/// The error code of a single write for a transaction's cancellation reason.
fn single_write_code(reason: &str) -> &str {
    match reason {
        "TransactionConflict" => "TransactionConflictException",
        "ProvisionedThroughputExceeded" => "ProvisionedThroughputExceededException",
        "ThrottlingError" => "ThrottlingException",
        "ItemCollectionSizeLimitExceeded" => "ItemCollectionSizeLimitExceededException",
        "ValidationError" => "ValidationException",
        other => other,
    }
}

fn error(call: &AwsCall, status: u16, code: &str, message: &str) -> ProxyResponse {
    match call.service.as_str() {
        "ses" | "execute-api" => {
            let mut response = json_response(status, "application/json", &json!({"message": message}));
            if let Ok(code) = code.parse() {
                response.headers_mut().insert("x-amzn-errortype", code);
            }
            response
        }
        "events" => json_response(status, "application/x-amz-json-1.1", &json!({"__type": code, "message": message})),
        _ => json_response(status, "application/x-amz-json-1.0", &json!({"__type": code, "message": message})),
    }
}

pub(crate) fn json_response(status: u16, content_type: &'static str, body: &Value) -> ProxyResponse {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static(content_type));
    response
}
