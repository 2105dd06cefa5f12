//! Least privilege: every action of every role is needed, and `infra/permissions.md` says for what.
//!
//! One test compares that table with the template. Another one, which takes longer and is not part of `make test`, denies every
//! action on the local cloud, one per role at a time, and compares the steps that fail with the table: `make privileges`.

mod consumers;
mod denial;
mod granted;
mod jobs;
mod order_service;
mod steps;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::infra::template::{AWS, set};
use crate::support::{TestStack, new_cart, new_user_id, wait_until};
use denial::{OUTAGE, TAKEN, allow, deny};
use granted::{Grant, Roles};
use order_service::BusQueue;
use steps::{Steps, function_name};
use table::{Entry, Need, differences};

fn table_text() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/permissions.md")).unwrap()
}

/// Parses the committed table.
fn read_table(roles: &Roles) -> BTreeMap<Grant, Entry> {
    table::parse(&table_text(), &roles.groups)
        .unwrap_or_else(|mistakes| panic!("infra/permissions.md:\n{}", mistakes.join("\n")))
}

/// The differences that the table has to the template with this change.
fn differences_after(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut resources = AWS["Resources"].clone();
    change(&mut resources);
    let roles = Roles::read(&resources);
    differences(&roles.grants, &read_table(&roles))
}

#[test]
fn permission_table_has_every_action_of_every_role() {
    assert_eq!(differences_after(|_| ()), Vec::<String>::new());
    let statement = |role: &str| format!("{role}/Policies/0/PolicyDocument/Statement/0");
    let changes = [
        (format!("{}/Action", statement("taxRole")), json!(["dynamodb:Scan", "dynamodb:BatchGetItem"])),
        (format!("{}/Action", statement("taxRole")), json!("dynamodb:BatchGetItem")),
        (format!("{}/Resource", statement("taxRole")), json!({"Fn::GetAtt": ["emailTable", "Arn"]})),
        ("EmailMaySend/Roles".to_owned(), json!([{"Ref": "taxRole"}])),
    ];
    for (path, value) in changes {
        assert_ne!(differences_after(set(&path, value)), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn every_wildcard_of_a_role_is_listed_with_its_reason() {
    let text = table_text();
    let wildcards = |resources: &Value| {
        let roles = Roles::read(resources);
        roles.wildcards().into_iter().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let listed: BTreeSet<_> = table::listed_wildcards(&text).into_iter().map(str::to_owned).collect();
    assert_eq!(wildcards(&AWS["Resources"]), listed);
    let mut resources = AWS["Resources"].clone();
    set("taxRole/Policies/0/PolicyDocument/Statement/0/Resource", json!("*"))(&mut resources);
    assert_ne!(wildcards(&resources), listed);
}

#[test]
fn permission_without_step_or_reason_with_source_is_refused() {
    let refused = |row: &str| table::parse(row, &BTreeMap::new()).is_err();
    assert!(!refused("| tax | `a:B` | `t` | applies an event | – |"));
    assert!(!refused("| tax | `a:B` | `t` | – | Lambda needs it (https://aws, 2026-11-21) |"));
    assert!(refused("| tax | `a:B` | `t` | – | – |"));
    assert!(refused("| tax | `a:B` | `t` | – | it may be useful |"));
    assert!(refused("| tax | `a:B` | `t` | applies an event |"));
    let twice = "| tax | `a:B` | `t` | applies an event | – |\n".repeat(2);
    assert!(refused(&twice));
}

/// The stack without its pollers: the tests alone invoke the consumers, and the bus delivers only to the tests.
async fn set_delivery(stack: &TestStack, enabled: bool) {
    let events = aws_sdk_eventbridge::Client::new(&stack.cloud.config);
    for consumer in &stack.deployed.consumers {
        let (bus, rule) = (&stack.deployed.bus, &consumer.function);
        if enabled {
            events.enable_rule().name(rule).event_bus_name(bus).send().await.unwrap();
        } else {
            events.disable_rule().name(rule).event_bus_name(bus).send().await.unwrap();
        }
    }
    let consumers = stack.deployed.consumers.iter();
    join_all(consumers.map(async |consumer| {
        if enabled { stack.enable(&consumer.name).await } else { stack.disable(&consumer.name).await }
    }))
    .await;
}

/// What all scenarios need.
struct Scenarios<'a> {
    stack: &'a TestStack,
    bus: BusQueue,
    order_id: String,
}

impl Scenarios<'_> {
    /// Runs a role's scenario, and returns the steps that failed.
    async fn run(&self, role: &str) -> BTreeSet<String> {
        let steps: Option<Steps> = match role {
            "checkout" => Some(order_service::run_checkout(self.stack).await),
            "orders-api" => Some(order_service::run_orders_api(self.stack, &self.order_id).await),
            "publisher" => Some(order_service::run_publisher(self.stack, &self.bus).await),
            name => match self.stack.deployed.consumer(name) {
                Ok(consumer) => Some(consumers::run(self.stack, consumer).await),
                Err(_) => jobs::run(self.stack, name).await,
            },
        };
        steps.unwrap_or_else(|| panic!("{role} has no scenario: write one in tests/src/infra/privileges/")).failed
    }

    /// Runs a role's scenario without one of its actions.
    async fn run_without(&self, grant: &Grant) -> BTreeSet<String> {
        let function = function_name(self.stack, &grant.role);
        deny(self.stack, &function, TAKEN, &[&grant.action]).await;
        let failed = self.run(&grant.role).await;
        allow(self.stack, &function, TAKEN).await;
        failed
    }
}

/// What is wrong with the table: a step that is said to fail and does not, or the other way round.
fn wrong(grant: &Grant, expected: &BTreeSet<String>, failed: &BTreeSet<String>) -> Option<String> {
    let steps = failed.iter().map(String::as_str).collect::<Vec<_>>().join("; ");
    let steps = if steps.is_empty() { "nothing" } else { &steps };
    (expected != failed).then(|| format!("| {} | `{}` | … without it fails: {steps}", grant.role, grant.action))
}

#[tokio::test]
#[ignore = "takes minutes: make privileges"]
async fn every_permission_is_needed() {
    let stack = TestStack::exclusive().await;
    let roles = Roles::read(&AWS["Resources"]);
    let table = read_table(&roles);
    let functions: Vec<_> = roles.groups["every function"].iter().map(|name| function_name(&stack, name)).collect();
    // An earlier run may have ended in the middle.
    for function in &functions {
        allow(&stack, function, TAKEN).await;
        allow(&stack, function, OUTAGE).await;
    }
    set_delivery(&stack, true).await;
    let sku = stack.create_product("4.00", true, 5).await;
    let order_id = stack.place_order(&new_cart(&new_user_id(), &[(&sku, 1)])).await;
    stack.wait_until_applied(&order_id).await;
    stack.wait_until_idle().await;
    set_delivery(&stack, false).await;
    let scenarios = Scenarios { stack: &stack, bus: BusQueue::new(&stack).await, order_id };

    // The roles do not depend on each other, so one action of each can be taken at the same time.
    let started = Instant::now();
    let checked = join_all(roles.groups["every function"].iter().map(async |role| {
        assert_eq!(scenarios.run(role).await, BTreeSet::new(), "{role} with all its permissions");
        let (mut wrongs, mut count) = (Vec::new(), 0);
        for (grant, entry) in table.iter().filter(|(grant, _)| grant.role == *role) {
            if let Need::FailsWithoutIt(expected) = &entry.need {
                count += 1;
                wrongs.extend(wrong(grant, expected, &scenarios.run_without(grant).await));
            }
        }
        assert_eq!(scenarios.run(role).await, BTreeSet::new(), "{role} with all its permissions again");
        (wrongs, count)
    }))
    .await;
    scenarios.bus.delete(&stack).await;
    set_delivery(&stack, true).await;
    let count: usize = checked.iter().map(|(_, count)| count).sum();
    let wrongs: Vec<_> = checked.into_iter().flat_map(|(wrongs, _)| wrongs).collect();
    println!("{count} actions taken in {} s", started.elapsed().as_secs());
    assert!(wrongs.is_empty(), "infra/permissions.md has to change:\n{}", wrongs.join("\n"));
}

/// If the local cloud begins to enforce one of these, the table can have a step in place of the reason.
#[tokio::test]
#[ignore = "takes permissions from every role: make privileges"]
async fn unenforced_permissions_have_no_effect_locally() {
    let stack = TestStack::exclusive().await;
    let roles = Roles::read(&AWS["Resources"]);
    let table = read_table(&roles);
    let taken = |role: &str| -> Vec<&str> {
        let of_role = table.iter().filter(|(grant, entry)| grant.role == role && matches!(entry.need, Need::Reason(_)));
        of_role.map(|(grant, _)| grant.action.as_str()).collect()
    };
    let functions = &roles.groups["every function"];
    for role in functions {
        deny(&stack, &function_name(&stack, role), TAKEN, &taken(role)).await;
    }
    let sku = stack.create_product("4.00", true, 5).await;
    let order_id = stack.place_order(&new_cart(&new_user_id(), &[(&sku, 1)])).await;
    let trace = stack.wait_until_applied(&order_id).await;
    assert_eq!(trace.consumers.len(), roles.groups["every consumer"].len());
    let logs = aws_sdk_cloudwatchlogs::Client::new(&stack.cloud.config);
    let group = format!("/aws/lambda/{}", function_name(&stack, "checkout"));
    wait_until("checkout's log has the order", async || {
        let events = logs.filter_log_events().log_group_name(&group).send().await.unwrap().events.unwrap_or_default();
        events.iter().any(|event| event.message().is_some_and(|message| message.contains(&order_id)))
    })
    .await;
    for role in functions {
        allow(&stack, &function_name(&stack, role), TAKEN).await;
    }
}
