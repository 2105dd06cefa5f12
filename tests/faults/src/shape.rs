//! Errors as each service words them, so that callers see the real thing.
//!
//! Sources, read 2026-11-21: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>,
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html>,
//! <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>.

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::Call;
use crate::fault::conflicting_actions;

pub(crate) type Answer = Response<Full<Bytes>>;

/// The service's own fault.
pub(crate) fn internal_error(call: &Call) -> Answer {
    let code = match call.service.as_str() {
        "dynamodb" => "com.amazonaws.dynamodb.v20120810#InternalServerError",
        "sqs" => "com.amazonaws.sqs#InternalError",
        "ses" => "InternalServiceErrorException",
        "events" => "InternalException",
        _ => "InternalFailure",
    };
    error(call, 500, code, "Internal server error (made by a fault proxy)")
}

/// Too many calls.
pub(crate) fn throttled(call: &Call) -> Answer {
    let (status, code) = match (call.service.as_str(), call.operation.as_str()) {
        // An on-demand table says both, depending on what is exceeded: the account's rate, or the table's.
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

/// An error by its code.
pub(crate) fn rejected(call: &Call, code: &str) -> Answer {
    let space = match call.service.as_str() {
        "dynamodb" => "com.amazonaws.dynamodb.v20120810#",
        "sqs" => "com.amazonaws.sqs#",
        _ => "",
    };
    error(call, 400, &format!("{space}{code}"), "Rejected (by a fault proxy)")
}

/// A write that met another one, or another reason why `DynamoDB` does not write.
pub(crate) fn cancelled(call: &Call, item: Option<&str>, code: &str) -> Answer {
    if call.operation != "TransactWriteItems" {
        let code = format!("com.amazonaws.dynamodb.v20120810#{}", alone(code));
        return error(call, 400, &code, "Transaction is ongoing for the item (made by a fault proxy)");
    }
    let blamed = json!({"Code": code, "Message": format!("{code} (made by a fault proxy)")});
    let reason = |guilty: bool| if guilty { blamed.clone() } else { json!({"Code": "None"}) };
    let guilty = conflicting_actions(&call.json(), item);
    let codes: Vec<_> = guilty.iter().map(|guilty| if *guilty { code } else { "None" }).collect();
    let listed = codes.join(", ");
    let message = format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{listed}]");
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": message,
        "CancellationReasons": guilty.into_iter().map(reason).collect::<Vec<_>>(),
    });
    answer(400, "application/x-amz-json-1.0", &body)
}

/// The code of a single write for what a transaction gives as a reason.
fn alone(reason: &str) -> &str {
    match reason {
        "TransactionConflict" => "TransactionConflictException",
        "ProvisionedThroughputExceeded" => "ProvisionedThroughputExceededException",
        "ThrottlingError" => "ThrottlingException",
        "ItemCollectionSizeLimitExceeded" => "ItemCollectionSizeLimitExceededException",
        "ValidationError" => "ValidationException",
        other => other,
    }
}

fn error(call: &Call, status: u16, code: &str, message: &str) -> Answer {
    match call.service.as_str() {
        "ses" | "execute-api" => {
            let mut answer = answer(status, "application/json", &json!({"message": message}));
            if let Ok(code) = code.parse() {
                answer.headers_mut().insert("x-amzn-errortype", code);
            }
            answer
        }
        "events" => answer(status, "application/x-amz-json-1.1", &json!({"__type": code, "message": message})),
        _ => answer(status, "application/x-amz-json-1.0", &json!({"__type": code, "message": message})),
    }
}

pub(crate) fn answer(status: u16, content_type: &'static str, body: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    answer.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static(content_type));
    answer
}
