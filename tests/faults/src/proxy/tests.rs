//! The proxy between a caller and a minimal cloud.

use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::Instant;

use super::*;
use crate::Fault;

/// A cloud that echoes every call and counts them.
async fn cloud() -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let calls = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let counter = Arc::clone(&counter);
            let echo = service_fn(move |request: Request<Incoming>| {
                let counter = Arc::clone(&counter);
                async move {
                    counter.fetch_add(1, Ordering::SeqCst);
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let header = |name: &str| parts.headers.get(name).map_or("-", |value| value.to_str().unwrap());
                    let seen = format!("{} {} {} ", parts.method, parts.uri, header("host"));
                    let answer = Response::builder().header("x-seen", seen + header("x-amz-content-sha256"));
                    answer.body(Full::new(body))
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), echo));
        }
    });
    (url, calls)
}

/// Makes a call as an SDK does. Returns status, echo or error type, and body; or why there was no response.
async fn call(url: &str, service: &str, target: &str, body: &str) -> Result<(u16, String, String), String> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let scope = format!("AWS4-HMAC-SHA256 Credential=K/1/us-east-1/{service}/aws4_request, Signature=1");
    let request = Request::post(format!("{url}/path?a=b%20c")).header("authorization", scope).header("host", "signed");
    let request = request.header("x-amz-target", target).body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let answer = client.request(request).await.map_err(|error| format!("{error:?}"))?;
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let echo_or_error = header("x-seen").or_else(|| header("x-amzn-errortype")).unwrap_or_default();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.map_err(|error| format!("{error:?}"))?.to_bytes();
    Ok((status, echo_or_error, String::from_utf8(body.to_vec()).unwrap()))
}

async fn proxy_with_rules(rules: Vec<Rule>) -> (Proxy, Arc<AtomicU64>) {
    let (url, calls) = cloud().await;
    let proxy = Proxy::start(0, 1).await.unwrap();
    proxy.forward_to(&url);
    proxy.set_rules(rules);
    (proxy, calls)
}

const PUT: &str = "DynamoDB_20120810.PutItem";

#[tokio::test]
async fn call_without_fault_is_forwarded_unchanged() {
    let (proxy, calls) = proxy_with_rules(vec![Rule::new("sqs", "*", Fault::DropResponse)]).await;
    let (status, seen, body) = call(&proxy.url(), "dynamodb", PUT, "{\"n\":1.50}").await.unwrap();
    assert_eq!((status, seen.as_str(), body.as_str()), (200, "POST /path?a=b%20c signed -", "{\"n\":1.50}"));
    assert_eq!((calls.load(Ordering::SeqCst), proxy.counts()["dynamodb PutItem"]["passed"]), (1, 1));
}

#[tokio::test]
async fn each_fault_has_its_effect_and_its_response() {
    let answered = |status: u16| Some(status);
    let check = async |fault: Fault, effects: u64, expected: Option<u16>| {
        let kind = fault.kind();
        let (proxy, calls) = proxy_with_rules(vec![Rule::new("dynamodb", "*", fault)]).await;
        let answer = call(&proxy.url(), "dynamodb", PUT, "{}").await;
        assert_eq!(answer.as_ref().ok().map(|(status, ..)| *status), expected, "{kind}: {answer:?}");
        assert_eq!(calls.load(Ordering::SeqCst), effects, "{kind}");
        assert_eq!(proxy.counts()["dynamodb PutItem"][kind], 1);
        answer.err().unwrap_or_default()
    };
    check(Fault::Delay { ms: 1 }, 1, answered(200)).await;
    check(Fault::InternalError { after_effect: false }, 0, answered(500)).await;
    check(Fault::InternalError { after_effect: true }, 1, answered(500)).await;
    check(Fault::Reject { code: "ValidationException".into() }, 0, answered(400)).await;
    check(Fault::AccessDenied, 0, answered(400)).await;
    check(Fault::Throttle, 0, answered(400)).await;
    check(Fault::Conflict { item: None, code: None }, 0, answered(400)).await;
    check(Fault::CloseConnection, 0, None).await;
    check(Fault::DropResponse, 1, None).await;
    check(Fault::Kill { after_effect: true }, 1, None).await;
    let error = check(Fault::ResetConnection, 0, None).await;
    assert!(error.contains("ConnectionReset"), "{error}");
}

#[tokio::test]
async fn delayed_call_is_late() {
    let (proxy, _) = proxy_with_rules(vec![Rule::new("*", "*", Fault::Delay { ms: 120 })]).await;
    let started = Instant::now();
    call(&proxy.url(), "dynamodb", PUT, "{}").await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn hanging_call_has_no_answer_until_its_caller_gives_up() {
    let (proxy, calls) = proxy_with_rules(vec![Rule::new("*", "*", Fault::Hang)]).await;
    let url = proxy.url();
    let timed_out = tokio::time::timeout(Duration::from_millis(300), call(&url, "dynamodb", PUT, "{}")).await;
    assert!(timed_out.is_err(), "{timed_out:?}");
    proxy.set_rules(Vec::new());
    assert_eq!(call(&url, "dynamodb", PUT, "{}").await.unwrap().0, 200);
    assert_eq!((calls.load(Ordering::SeqCst), proxy.counts()["dynamodb PutItem"]["hang"]), (1, 1));
}

#[tokio::test]
async fn denied_call_has_the_error_of_each_service() {
    for (service, status) in [("dynamodb", 400), ("sqs", 400), ("events", 400), ("ses", 403)] {
        let (proxy, calls) = proxy_with_rules(vec![Rule::new("*", "*", Fault::AccessDenied)]).await;
        let (found, error_type, body) = call(&proxy.url(), service, "Service.Operation", "{}").await.unwrap();
        assert_eq!((found, calls.load(Ordering::SeqCst)), (status, 0), "{service}");
        assert!(format!("{error_type} {body}").contains("AccessDeniedException"), "{service}: {error_type} {body}");
    }
}

/// Records whether responses were delivered.
struct DeliveryRecorder(Arc<std::sync::Mutex<Vec<bool>>>);

impl ProxyHooks for DeliveryRecorder {
    fn call_completed(&self, _: &crate::AwsCall, _: u16, delivered: bool) {
        self.0.lock().unwrap().push(delivered);
    }
}

#[tokio::test]
async fn call_takes_effect_after_a_timeout_of_its_caller() {
    let (cloud, calls) = cloud().await;
    let deliveries = Arc::default();
    let proxy = Proxy::start_with_hooks(0, 1, Box::new(DeliveryRecorder(Arc::clone(&deliveries)))).await.unwrap();
    proxy.forward_to(&cloud);
    call(&proxy.url(), "dynamodb", PUT, "{}").await.unwrap();
    proxy.set_rules(vec![Rule::new("*", "*", Fault::Delay { ms: 200 })]);
    let url = proxy.url();
    let timed_out = tokio::time::timeout(Duration::from_millis(60), call(&url, "dynamodb", PUT, "{}")).await;
    assert!(timed_out.is_err());
    sleep(Duration::from_millis(400)).await;
    proxy.set_rules(vec![Rule::new("*", "*", Fault::DropResponse)]);
    call(&proxy.url(), "dynamodb", PUT, "{}").await.unwrap_err();
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert_eq!(*deliveries.lock().unwrap(), [true, false, false]);
}

#[tokio::test]
async fn refused_connections_are_accepted_again_after_the_pause() {
    let (proxy, _) = proxy_with_rules(vec![Rule::new("*", "*", Fault::RefuseConnections { ms: 300 }).times(1)]).await;
    assert!(call(&proxy.url(), "dynamodb", PUT, "{}").await.is_err());
    sleep(Duration::from_millis(50)).await;
    let refused = call(&proxy.url(), "dynamodb", PUT, "{}").await.unwrap_err();
    assert!(refused.contains("ConnectionRefused"), "{refused}");
    sleep(Duration::from_millis(600)).await;
    assert_eq!(call(&proxy.url(), "dynamodb", PUT, "{}").await.unwrap().0, 200);
}

#[tokio::test]
async fn throttle_error_has_the_format_of_each_service() {
    let check = async |service: &str, target: &str, status: u16, error: &str| {
        let (proxy, _) = proxy_with_rules(vec![Rule::new("*", "*", Fault::Throttle)]).await;
        let (found, error_type, body) = call(&proxy.url(), service, target, "{}").await.unwrap();
        assert!(
            found == status && format!("{error_type} {body}").contains(error),
            "{service}: {found} {error_type} {body}"
        );
    };
    check("dynamodb", PUT, 400, "#ProvisionedThroughputExceededException").await;
    check("dynamodb", "DynamoDB_20120810.TransactWriteItems", 400, "#ThrottlingException").await;
    check("sqs", "AmazonSQS.SendMessage", 400, "#RequestThrottled").await;
    check("events", "AWSEvents.PutEvents", 400, "\"ThrottlingException\"").await;
    check("ses", "SendEmail", 429, "TooManyRequestsException").await;
}

#[tokio::test]
async fn conflict_cancels_transaction_with_a_reason_per_item() {
    let fault = Fault::Conflict { item: Some("SKU#2".into()), code: None };
    let (proxy, _) = proxy_with_rules(vec![Rule::new("*", "*", fault)]).await;
    let actions = r#"{"TransactItems":[{"Put":{"pk":"SKU#1"}},{"Put":{"pk":"SKU#2"}}]}"#;
    let answer = call(&proxy.url(), "dynamodb", "DynamoDB_20120810.TransactWriteItems", actions).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&answer.2).unwrap();
    assert!(body["__type"].as_str().unwrap().ends_with("#TransactionCanceledException"));
    let codes = body["CancellationReasons"].as_array().unwrap().iter().map(|reason| reason["Code"].as_str().unwrap());
    assert_eq!(codes.collect::<Vec<_>>(), ["None", "TransactionConflict"]);
    let others = call(&proxy.url(), "dynamodb", "DynamoDB_20120810.TransactWriteItems", "{}").await.unwrap();
    assert_eq!(others.0, 200, "a transaction without the item passes");
}

#[tokio::test]
async fn partial_call_is_forwarded_with_the_signed_hash() {
    let (proxy, calls) =
        proxy_with_rules(vec![Rule::new("events", "*", Fault::Partial { entry: Some("b".into()), code: None })]).await;
    let whole = r#"{"Entries":[{"Detail":"a"},{"Detail":"b"}]}"#;
    let (status, _, body) = call(&proxy.url(), "events", "AWSEvents.PutEvents", whole).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, calls.load(Ordering::SeqCst)), (200, 1));
    assert_eq!(body["FailedEntryCount"], 1);
    assert_eq!(
        body["Entries"][0],
        serde_json::json!({"Detail": "a"}),
        "the forwarded entry keeps its result and its index"
    );
    assert_eq!(body["Entries"][1]["ErrorCode"], "ThrottlingException");
}

#[tokio::test]
async fn control_endpoint_shows_and_replaces_rules() {
    let (proxy, calls) = proxy_with_rules(Vec::new()).await;
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let control = async |method: &str, body: &str| {
        let request = Request::builder().method(method).uri(format!("{}/_faults", proxy.url()));
        let answer = client.request(request.body(Full::new(Bytes::from(body.to_owned()))).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice::<serde_json::Value>(&body).unwrap())
    };
    let (status, shown) = control("PUT", r#"{"rules": [{"operation": "Put*", "fault": {"kind": "throttle"}}]}"#).await;
    assert_eq!((status, shown["rules"][0]["rule"]["operation"].as_str()), (200, Some("Put*")));
    assert_eq!(call(&proxy.url(), "dynamodb", PUT, "{}").await.unwrap().0, 400);
    let (status, error) = control("PUT", r#"[{"fault": {"kind": "nonsense"}}]"#).await;
    assert!(status == 400 && error["error"].as_str().unwrap().contains("nonsense"), "{error}");
    let (_, shown) = control("GET", "").await;
    assert_eq!(
        (shown["rules"][0]["fired"].as_u64(), shown["counts"]["dynamodb PutItem"]["throttle"].as_u64()),
        (Some(1), Some(1))
    );
    control("DELETE", "").await;
    assert_eq!(call(&proxy.url(), "dynamodb", PUT, "{}").await.unwrap().0, 200);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
