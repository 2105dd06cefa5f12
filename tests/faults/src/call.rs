//! The AWS call that an HTTP request makes.

use hyper::body::Bytes;
use hyper::http::request::Parts;
use serde_json::Value;

/// One call, with all that rules can match.
#[derive(Debug, Clone)]
pub struct AwsCall {
    /// The service in the scope of the signature: `dynamodb`, `sqs`, `events`, `ses`, `execute-api`. Empty for an
    /// unsigned call.
    pub service: String,
    /// Such as `TransactWriteItems`. Where the protocol does not name the operation: method and path.
    pub operation: String,
    /// The request body, unchanged.
    pub body: Bytes,
}

impl AwsCall {
    pub(crate) fn new(parts: &Parts, body: Bytes) -> Self {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let service = header("authorization").and_then(signed_service).unwrap_or_default().to_owned();
        let target = header("x-amz-target").and_then(|target| target.rsplit('.').next());
        let operation = match target {
            Some(operation) => operation.to_owned(),
            None => rest_operation(&service, parts.method.as_str(), parts.uri.path()),
        };
        Self { service, operation, body }
    }

    /// The body as JSON; null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The name in call counts, such as `dynamodb TransactWriteItems`.
    pub fn name(&self) -> String {
        format!("{} {}", self.service, self.operation)
    }
}

/// The service in `AWS4-HMAC-SHA256 Credential=<key>/<day>/<region>/<service>/aws4_request, …`.
fn signed_service(authorization: &str) -> Option<&str> {
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split(',').next()?.split('/').nth(3)
}

fn rest_operation(service: &str, method: &str, path: &str) -> String {
    match (service, method, path) {
        ("ses", "POST", "/v2/email/outbound-emails") => "SendEmail".to_owned(),
        ("execute-api", ..) => {
            // In a local cloud the API's id is part of the path: /_aws/execute-api/<id>/checkout
            let api_path = path.strip_prefix("/_aws/execute-api/").and_then(|rest| rest.split_once('/'));
            format!("{method} {}", api_path.map_or_else(|| path.to_owned(), |(_, rest)| format!("/{rest}")))
        }
        _ => format!("{method} {path}"),
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn name(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        AwsCall::new(&request.body(()).unwrap().into_parts().0, Bytes::new()).name()
    }

    #[test]
    fn call_is_identified_by_signature_and_target_or_path() {
        let signed = |service: &str| {
            format!("AWS4-HMAC-SHA256 Credential=ASIA1/20261121/us-east-1/{service}/aws4_request, SignedHeaders=host")
        };
        let check = |service: &str, target: Option<&str>, path: &str, expected: &str| {
            let authorization = signed(service);
            let mut headers = vec![("authorization", authorization.as_str())];
            headers.extend(target.map(|target| ("x-amz-target", target)));
            assert_eq!(name("POST", path, &headers), expected);
        };
        check("dynamodb", Some("DynamoDB_20120810.PutItem"), "/", "dynamodb PutItem");
        check("sqs", Some("AmazonSQS.SendMessage"), "/", "sqs SendMessage");
        check("events", Some("AWSEvents.PutEvents"), "/", "events PutEvents");
        check("ses", None, "/v2/email/outbound-emails", "ses SendEmail");
        check("execute-api", None, "/_aws/execute-api/abc/checkout", "execute-api POST /checkout");
        assert_eq!(name("GET", "/_ministack/ready", &[]), " GET /_ministack/ready");
    }
}
