//! Responses that need no table, as API Gateway receives them.

#![allow(clippy::needless_pass_by_value)] // the values are literals

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::{Client, Config};
use jiff::Timestamp;
use orders::OrderStatus;
use serde_json::{Value, json};
use switchyard_chassis::Key;
use tokio::time::Duration;

use super::*;
use crate::cursor::Cursor;
use crate::list_orders::PageRequest;
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
    check(request("POST", "/orders/a%20b/cancel"), 404, "/problems/not-found").await;
    for (method, path, allowed) in
        [("DELETE", "/orders/ord_1", "GET"), ("POST", "/orders", "GET"), ("GET", "/orders/ord_1/cancel", "POST")]
    {
        let headers = check(request(method, path), 405, "/problems/method-not-allowed").await;
        assert_eq!(headers["allow"], allowed);
    }
    for (method, path) in [("GET", "/orders/ord_1"), ("GET", "/orders"), ("POST", "/orders/ord_1/cancel")] {
        let mut anonymous = request(method, path);
        anonymous["requestContext"]["authorizer"] = Value::Null;
        check(anonymous.clone(), 403, "/problems/unknown-caller").await;
        // Only the route that operators need knows them.
        anonymous["requestContext"]["authorizer"] = json!({"lambda": {"switchyard_operator": "arn"}});
        let answered = answer(anonymous).await;
        assert_eq!(answered.0, json!(if method == "POST" { 503 } else { 403 }), "{path}");
    }
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

/// The page that a query of this caller asks for, or the errors.
fn parse_page(authorizer: Value, query: &Value) -> Result<PageRequest, Value> {
    let mut request = request("GET", "/orders");
    request["queryStringParameters"] = query.clone();
    request["requestContext"]["authorizer"] = authorizer;
    PageRequest::from_query(Request(&parsed(request))).map_err(|problem| {
        let problem = serde_json::to_value(&problem).unwrap();
        assert_eq!((&problem["type"], &problem["status"]), (&json!("/problems/invalid-query"), &json!(422)));
        problem["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect()
    })
}

#[test]
fn list_is_of_the_caller_and_the_customer_it_may_name() {
    let service = || json!({"iam": {"accountId": "1", "userArn": "arn:aws:iam::1:user/ada"}});
    let person = || json!({"jwt": {"claims": {"iss": "https://issuer.example", "sub": "usr_1"}, "scopes": null}});
    let page = parse_page(service(), &json!({"user_id": "usr_1"})).unwrap();
    assert!(page.partition.starts_with("USER#") && page.partition.ends_with("#usr_1"));
    assert_eq!((page.limit, &page.after), (20, &None));
    assert_eq!(parse_page(service(), &json!({"user_id": "usr_1", "limit": "50"})).unwrap().limit, 50);
    let own = parse_page(person(), &json!({})).unwrap();
    assert_ne!(own.partition, page.partition, "callers have separate lists of one customer");
    assert_eq!(parse_page(person(), &json!({"user_id": "usr_1"})).unwrap(), own);
    assert_eq!(parse_page(person(), &json!({"user_id": "usr_2"})), Err(json!(["user_id"])));
    assert_eq!(parse_page(service(), &json!({})), Err(json!(["user_id"])));
    assert_eq!(parse_page(service(), &json!({"user_id": "a#b", "limit": "0"})), Err(json!(["user_id", "limit"])));
    for bad in ["", "0", "51", "-1", "1.5", "1,2", "many"] {
        assert_eq!(parse_page(person(), &json!({"limit": bad})), Err(json!(["limit"])), "{bad}");
    }

    let key = Key::new(own.partition.clone(), "ORDER#2026-05-26T14:23:01.123Z#ord_1");
    let cursor = Cursor(key).encode();
    assert!(parse_page(person(), &json!({"cursor": cursor})).unwrap().after.is_some());
    // The same cursor in the list of another caller or customer.
    let foreign = json!({"cursor": cursor, "user_id": "usr_1"});
    assert_eq!(parse_page(service(), &foreign), Err(json!(["cursor"])));
    assert_eq!(parse_page(person(), &json!({"cursor": "e30"})), Err(json!(["cursor"])));
}

#[test]
fn cancellation_waits_for_nothing_but_cancelled() {
    let parse = |query: Value| {
        let mut request = request("POST", "/orders/ord_1/cancel");
        request["queryStringParameters"] = query;
        Wait::for_cancellation(Request(&parsed(request))).map_err(|problem| problem.name())
    };
    assert_eq!(parse(json!({})), Ok(None));
    let wait = Wait { status: OrderStatus::Cancelled, timeout: Duration::from_secs(5) };
    assert_eq!(parse(json!({"wait": "cancelled", "timeout": "5"})), Ok(Some(wait)));
    assert_eq!(parse(json!({"wait": "picking"})), Err("invalid-query"));
    assert_eq!(parse(json!({"wait": "cancelled", "timeout": "21"})), Err("invalid-query"));
}
