//! A crossing on the deployed stack: an order, the job, the bus.

use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::Value;
use switchyard_chassis::Scheduled;
use switchyard_events::{NexusThresholdCrossed, RequiredThresholds, Usd};
use tax::{NexusJob, Period};
use yard::tax::TaxReport;

use super::nexus_fixture::fact;
use crate::support::{TestStack, new_cart, new_user_id, wait_until};

/// A queue that receives crossings, as a consumer's queue would.
async fn create_queue(stack: &TestStack, name: &str) -> String {
    let url = stack.cloud.sqs.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap();
    let rule = stack.cloud.eventbridge.put_rule().name(name).event_bus_name(&stack.deployed.bus);
    let pattern = r#"{"source":["switchyard.tax"],"detail-type":["NexusThresholdCrossed"]}"#;
    rule.event_pattern(pattern).send().await.unwrap();
    let target = aws_sdk_eventbridge::types::Target::builder().id("queue");
    let target = target.arn(format!("arn:aws:sqs:us-east-1:000000000000:{name}")).build().unwrap();
    let targets = stack.cloud.eventbridge.put_targets().rule(name).event_bus_name(&stack.deployed.bus);
    targets.targets(target).send().await.unwrap();
    url
}

async fn receive_crossings(stack: &TestStack, url: &str) -> Vec<NexusThresholdCrossed> {
    let answer = stack.cloud.sqs.receive_message().queue_url(url).max_number_of_messages(10).send().await.unwrap();
    let messages = answer.messages.unwrap_or_default();
    messages.iter().map(|message| fact(message.body().unwrap())).collect()
}

/// Invokes the deployed job.
async fn invoke(stack: &TestStack) -> Value {
    let name = format!("{}-{}", stack.deployed.name, NexusJob::NAME);
    let call = stack.cloud.lambda.invoke().function_name(name).payload(Blob::new("{}")).send().await.unwrap();
    assert_eq!(call.function_error(), None, "{call:?}");
    serde_json::from_slice(call.payload().unwrap().as_ref()).unwrap()
}

#[tokio::test]
async fn deployed_job_publishes_crossing_once() {
    let stack = TestStack::shared().await;
    let year = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year();
    let report = TaxReport::read(&stack.cloud, &stack.deployed, year).await.unwrap();
    let fresh = report.states.iter().find(|line| {
        let nexus = line.nexus.as_ref();
        nexus.is_some_and(|nexus| {
            nexus.period == Period::PreviousOrCurrentYear && nexus.needs == RequiredThresholds::Amount && !nexus.crossed
        })
    });
    let state = fresh.expect("a state that has not been crossed in this stack").jurisdiction.clone();
    let name = format!("crossings-{:08x}", fastrand::u32(..));
    let url = create_queue(&stack, &name).await;

    let sku = stack.create_product("1500.00", true, 1000).await;
    let mut order = new_cart(&new_user_id(), &[(&sku, 400)]);
    order["ship_to"]["region"] = state[3..].into();
    let id = stack.place_order(&order).await;
    wait_until("the order is in the ledger", async || {
        let rows = stack.query(stack.table_of("tax"), &format!("ORDER#{id}")).await;
        !rows.is_empty()
    })
    .await;
    join_all((0..3).map(|_| invoke(&stack))).await;

    let mut published = Vec::new();
    wait_until("a crossing is on the bus", async || {
        published.extend(
            receive_crossings(&stack, &url).await.into_iter().filter(|crossed| crossed.jurisdiction.as_str() == state),
        );
        !published.is_empty()
    })
    .await;
    invoke(&stack).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    published.extend(
        receive_crossings(&stack, &url).await.into_iter().filter(|crossed| crossed.jurisdiction.as_str() == state),
    );
    assert_eq!(published.len(), 1);
    assert!(published[0].sales_usd >= Usd::from_cents(60_000_000) && published[0].year == year);

    let report = TaxReport::read(&stack.cloud, &stack.deployed, year).await.unwrap();
    let nexus = report.states.iter().find(|line| line.jurisdiction == state).unwrap().nexus.clone().unwrap();
    assert!(nexus.crossed && nexus.announced_at.is_some());
    let rules = stack.cloud.eventbridge.remove_targets().rule(&name).event_bus_name(&stack.deployed.bus).ids("queue");
    rules.send().await.unwrap();
    stack.cloud.eventbridge.delete_rule().name(&name).event_bus_name(&stack.deployed.bus).send().await.unwrap();
    stack.cloud.sqs.delete_queue().queue_url(&url).send().await.unwrap();
}
