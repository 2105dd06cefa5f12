//! The API with a JWT issuer: a local issuer, and the API's part of the template deployed beside the test stack.

use std::process::Stdio;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use yard::{Api, ApiRequest, HttpResponse};

use crate::support::{TestStack, accepted_order_id, expand, new_cart, new_user_id, text, wait_until};

const AUDIENCE: &str = "shop";

/// `tests/issuer.py`. Its process ends with this value.
struct Issuer {
    url: String,
    api: Api,
    _process: Child,
}

impl Issuer {
    async fn start(stack: &TestStack) -> Self {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let mut command = Command::new(format!("{root}/.venv/bin/python"));
        let command = command.arg(format!("{root}/tests/issuer.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next_line().await.unwrap().expect("the issuer prints its port");
        let url = format!("http://127.0.0.1:{port}");
        Self { api: Api::new(&stack.cloud, &url).unwrap(), url, _process: process }
    }

    /// A token of this person, with some claims changed; null removes one.
    async fn token(&self, subject: &str, changes: Value, forged: bool) -> String {
        let now = Timestamp::now().as_second();
        let mut claims = json!({
            "iss": self.url, "aud": AUDIENCE, "sub": subject, "iat": now - 5, "exp": now + 600,
            "email": format!("{subject}@example.com"), "email_verified": true,
        });
        for (name, value) in changes.as_object().cloned().unwrap_or_default() {
            claims[name] = value;
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let body = json!({"claims": claims, "forged": forged}).to_string();
        let call = ApiRequest { method: "POST", path: "/token", headers: &[], body: body.as_bytes(), signed: false };
        self.api.send(&call).await.unwrap().json()["token"].as_str().unwrap().to_owned()
    }
}

/// The API of a stack that has nothing else: its routes call the functions of the test stack.
struct TokenApi<'a> {
    stack: &'a TestStack,
    api: Api,
    issuer: Issuer,
    name: String,
}

impl<'a> TokenApi<'a> {
    async fn deploy(stack: &'a TestStack) -> Self {
        let issuer = Issuer::start(stack).await;
        let name = format!("tokens-{:08x}", fastrand::u32(..));
        let cloudformation = &stack.cloud.cloudformation;
        let template = api_template(stack, &issuer.url).await;
        let create = cloudformation.create_stack().stack_name(&name).template_body(template.to_string());
        create.send().await.unwrap();
        wait_until("the API is deployed", async || {
            let stacks = cloudformation.describe_stacks().stack_name(&name).send().await.unwrap().stacks.unwrap();
            let status = stacks[0].stack_status().unwrap().as_str().to_owned();
            assert!(!status.contains("ROLLBACK") && !status.contains("FAILED"), "{status}: {:?}", stacks[0]);
            status == "CREATE_COMPLETE"
        })
        .await;
        let resource = cloudformation.describe_stack_resource().stack_name(&name).logical_resource_id("Api");
        let resource = resource.send().await.unwrap().stack_resource_detail.unwrap();
        let id = resource.physical_resource_id.unwrap();
        let (base, _) = stack.deployed.api_url.rsplit_once('/').unwrap();
        Self { stack, api: Api::new(&stack.cloud, &format!("{base}/{id}")).unwrap(), issuer, name }
    }

    async fn send(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> HttpResponse {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = body.map(Value::to_string).unwrap_or_default();
        let call = ApiRequest { method, path, headers: &headers, body: body.as_bytes(), signed: false };
        self.api.send(&call).await.unwrap()
    }

    async fn delete(self) {
        self.stack.cloud.cloudformation.delete_stack().stack_name(&self.name).send().await.unwrap();
    }
}

/// The API's resources of the template, with the functions of the test stack and without a log.
async fn api_template(stack: &TestStack, issuer: &str) -> Value {
    let parameters = [format!("JwtIssuer={issuer}"), format!("JwtAudience={AUDIENCE}")];
    let whole = expand("template.yaml", &parameters.each_ref().map(String::as_str));
    let is_api = |resource: &Value| {
        let kind = resource["Type"].as_str().unwrap();
        kind.starts_with("AWS::ApiGatewayV2::") || kind == "AWS::Lambda::Permission"
    };
    let all = whole["Resources"].as_object().unwrap().clone();
    let mut resources: Map<String, Value> = all.into_iter().filter(|(_, resource)| is_api(resource)).collect();
    for resource in resources.values_mut() {
        resource.as_object_mut().unwrap().remove("Condition");
        let properties = resource["Properties"].as_object_mut().unwrap();
        properties.remove("AccessLogSettings");
        properties.values_mut().for_each(restore_sub);
    }
    let mut text = Value::Object(resources).to_string();
    for (id, function) in [("Checkout", &stack.deployed.checkout), ("OrdersApi", &stack.deployed.orders_api)] {
        let configuration = stack.cloud.lambda.get_function_configuration().function_name(function).send().await;
        let arn = configuration.unwrap().function_arn.unwrap();
        text = text.replace(&format!(r#"{{"Fn::GetAtt":["{id}Function","Arn"]}}"#), &json!(arn).to_string());
        text = text.replace(&format!(r#"{{"Ref":"{id}Function"}}"#), &json!(function).to_string());
        assert!(!text.contains(&format!("{id}Function")), "{text}");
    }
    json!({"Resources": serde_json::from_str::<Value>(&text).unwrap()})
}

/// `expand` leaves only the text of `Fn::Sub`, with account and stack filled in.
fn restore_sub(property: &mut Value) {
    if let Some(text) = property.as_str().filter(|text| text.contains("${")) {
        *property = json!({"Fn::Sub": text.replace("123456789012", "${AWS::AccountId}")});
    }
}

fn problem(answer: &HttpResponse) -> (u16, String) {
    (answer.status, answer.json()["type"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn token_places_lists_and_cancels_orders_of_its_subject() {
    let stack = TestStack::shared().await;
    let api = TokenApi::deploy(&stack).await;
    let (ada, bob) = (new_user_id(), new_user_id());
    let ada_token = api.issuer.token(&ada, json!({}), false).await;
    let bob_token = api.issuer.token(&bob, json!({}), false).await;
    let sku = stack.create_product("8.00", true, 5).await;
    let mut cart = new_cart(&ada, &[(&sku, 2)]);
    cart.as_object_mut().unwrap().remove("user_id");
    cart.as_object_mut().unwrap().remove("email");
    let placed = api.send("POST", "/checkout", &ada_token, Some(&cart)).await;
    let id = accepted_order_id(&placed);
    let stored = stack.query(&stack.deployed.orders_table, &format!("ORDER#{id}")).await;
    assert_eq!((text(&stored[0], "user_id"), text(&stored[0], "email")), (ada.clone(), format!("{ada}@example.com")));

    let listed = api.send("GET", "/orders", &ada_token, None).await.json();
    assert_eq!((listed["orders"].as_array().unwrap().len(), &listed["orders"][0]["order_id"]), (1, &json!(id)));
    assert_eq!(api.send("GET", "/orders", &bob_token, None).await.json()["orders"], json!([]));
    let named = api.send("GET", &format!("/orders?user_id={ada}"), &bob_token, None).await;
    assert_eq!(problem(&named), (422, "/problems/invalid-query".to_owned()));
    let not_found = (404, "/problems/not-found".to_owned());
    let (path, cancel) = (format!("/orders/{id}"), format!("/orders/{id}/cancel?wait=cancelled&timeout=20"));
    assert_eq!(api.send("GET", &path, &ada_token, None).await.status, 200);
    assert_eq!(problem(&api.send("GET", &path, &bob_token, None).await), not_found);
    assert_eq!(problem(&api.send("POST", &cancel, &bob_token, None).await), not_found);
    let cancelled = api.send("POST", &cancel, &ada_token, None).await;
    assert_eq!((cancelled.status, cancelled.json()["status"].as_str()), (202, Some("cancelled")));
    assert_eq!(stack.stock_left(&sku).await, 5);
    // The credentials of the other API's callers are no token.
    let signed = ApiRequest { method: "GET", path: &path, headers: &[], body: b"", signed: true };
    assert_eq!(api.api.send(&signed).await.unwrap().status, 401);
    api.delete().await;
}

#[tokio::test]
async fn token_that_is_not_valid_is_refused() {
    let stack = TestStack::shared().await;
    let api = TokenApi::deploy(&stack).await;
    let user = new_user_id();
    let past = Timestamp::now().as_second() - 60;
    for (changes, forged) in [
        (json!({}), true),
        (json!({"exp": past}), false),
        (json!({"aud": "another"}), false),
        (json!({"iss": "https://another.example"}), false),
    ] {
        let token = api.issuer.token(&user, changes.clone(), forged).await;
        for (method, path) in
            [("GET", "/orders"), ("GET", "/orders/ord_1"), ("POST", "/orders/ord_1/cancel"), ("POST", "/checkout")]
        {
            assert_eq!(api.send(method, path, &token, None).await.status, 401, "{method} {path} {changes} {forged}");
        }
    }
    assert_eq!(api.send("GET", "/orders", "", None).await.status, 401);
    api.delete().await;
}

#[tokio::test]
async fn order_needs_verified_address_of_the_token() {
    let stack = TestStack::shared().await;
    let api = TokenApi::deploy(&stack).await;
    let user = new_user_id();
    let sku = stack.create_product("8.00", true, 5).await;
    let cart = new_cart(&user, &[(&sku, 1)]);
    for changes in [json!({"email_verified": false}), json!({"email_verified": null}), json!({"email": null})] {
        let token = api.issuer.token(&user, changes.clone(), false).await;
        let refused = api.send("POST", "/checkout", &token, Some(&cart)).await;
        assert_eq!(problem(&refused), (422, "/problems/invalid-cart".to_owned()), "{changes}");
        assert_eq!(
            refused.json()["errors"],
            json!([{"field": "email", "reason": "the token has no verified address"}])
        );
    }
    let token = api.issuer.token(&user, json!({}), false).await;
    let mut foreign = cart.clone();
    foreign["email"] = json!("another.person@example.com");
    let refused = api.send("POST", "/checkout", &token, Some(&foreign)).await;
    assert_eq!((refused.status, &refused.json()["errors"][0]["field"]), (422, &json!("email")));
    assert_eq!(stack.stock_left(&sku).await, 5);
    let id = accepted_order_id(&api.send("POST", "/checkout", &token, Some(&cart)).await);
    stack.wait_until_applied(&id).await;
    assert_eq!(stack.mails_to(&format!("{user}@example.com")).await.len(), 1);
    api.delete().await;
}
