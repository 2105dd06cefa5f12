//! Responses that need no table, as API Gateway receives them.

#![allow(clippy::needless_pass_by_value)] // the values are literals

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::{Client, Config};
use jiff::Timestamp;
use orders::OrderStatus;
use serde_json::{Value, json};
use tokio::time::Duration;

use super::*;
use crate::wait::Wait;

/// A request as API Gateway sends it, from the IAM user ada.
fn request(method: &str, path: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": {},
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "stage": "$default", "requestId": "JKJaXmPLvHcESHA=", "timeEpoch": 0,
            "authorizer": {"iam": {"accountId": "123456789012", "userArn": "arn:aws:iam::123456789012:user/ada"}}
        },
        "isBase64Encoded": false
    })
}

fn parsed(request: Value) -> ApiGatewayV2httpRequest {
    serde_json::from_value(request).unwrap()
}

/// The status, the headers and the body of the answer if the table cannot be reached.
async fn answer(request: Value) -> (Value, Value, Value) {
    let config = Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("us-east-1")).build();
    let table = Table::new(Client::from_conf(config), "orders");
    let api = OrdersApi::new(table, Clock::fixed(Timestamp::UNIX_EPOCH));
    let response = api.handle(parsed(request), Instant::now() + Duration::from_secs(5)).await;
    let response = serde_json::to_value(response).unwrap();
    let body = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
    (response["statusCode"].clone(), response["headers"].clone(), body)
}

#[tokio::test]
async fn invalid_request_gets_documented_problem() {
    let check = async |request: Value, status: u16, kind: &str| {
        let shown = request.to_string();
        let (found, headers, body) = answer(request).await;
        assert_eq!((found, &body["type"]), (json!(status), &json!(kind)), "{shown}");
        assert_eq!(headers["content-type"], "application/problem+json");
        headers
    };
    check(request("GET", "/"), 404, "/problems/not-found").await;
    check(request("GET", "/orders/a%20b"), 404, "/problems/not-found").await;
    check(request("POST", "/checkout"), 404, "/problems/not-found").await;
    let headers = check(request("DELETE", "/orders/ord_1"), 405, "/problems/method-not-allowed").await;
    assert_eq!(headers["allow"], "GET");
    let mut anonymous = request("GET", "/orders/ord_1");
    anonymous["requestContext"]["authorizer"] = Value::Null;
    check(anonymous, 403, "/problems/unknown-caller").await;
}

/// The wait of a query, or the names of its invalid parameters.
fn parse_wait(query: &Value) -> Result<Option<Wait>, Value> {
    let mut request = request("GET", "/orders/ord_1");
    request["queryStringParameters"] = query.clone();
    let problem = match Wait::from_query(Request(&parsed(request))) {
        Ok(wait) => return Ok(wait),
        Err(problem) => serde_json::to_value(&problem).unwrap(),
    };
    assert_eq!((&problem["type"], &problem["status"]), (&json!("/problems/invalid-query"), &json!(422)));
    let fields = problem["errors"].as_array().unwrap().iter().map(|error| error["field"].clone());
    Err(fields.collect())
}

#[test]
fn wait_needs_known_status_and_timeout_of_1_to_20_s() {
    let check = |query: Value, expected: Option<(OrderStatus, u64)>| {
        let expected = expected.map(|(status, seconds)| Wait { status, timeout: Duration::from_secs(seconds) });
        assert_eq!(parse_wait(&query), Ok(expected), "{query}");
    };
    check(json!({}), None);
    check(json!({"timeout": "5"}), None);
    check(json!({"wait": "confirmed"}), Some((OrderStatus::Confirmed, 10)));
    check(json!({"wait": "picking", "timeout": "1"}), Some((OrderStatus::Picking, 1)));
    check(json!({"wait": "flagged", "timeout": "20", "other": "x"}), Some((OrderStatus::Flagged, 20)));
    let refused = |query: Value, fields: Value| assert_eq!(parse_wait(&query), Err(fields), "{query}");
    for bad in ["", "Confirmed", "shipped", "confirmed,flagged"] {
        refused(json!({"wait": bad, "timeout": "5"}), json!(["wait"]));
    }
    for bad in ["", "0", "21", "-1", "1.5", "5s", "1,2", "99999999999999999999"] {
        refused(json!({"wait": "confirmed", "timeout": bad}), json!(["timeout"]));
    }
    refused(json!({"wait": "soon", "timeout": "later"}), json!(["wait", "timeout"]));
}
