//! The same through the deployed stack: an order, the job, the bus.

use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::Value;
use switchyard_chassis::Scheduled;
use switchyard_events::{NexusThresholdCrossed, RequiredThresholds, Usd};
use tax::{NexusJob, Period};
use yard::tax::TaxReport;

use super::fact;
use crate::world::{World, cart, until, user};

/// A queue that hears of crossings, as a consumer's would.
async fn listener(world: &World, name: &str) -> String {
    let url = world.cloud.sqs.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap();
    let rule = world.cloud.eventbridge.put_rule().name(name).event_bus_name(&world.stack.bus);
    let pattern = r#"{"source":["switchyard.tax"],"detail-type":["NexusThresholdCrossed"]}"#;
    rule.event_pattern(pattern).send().await.unwrap();
    let target = aws_sdk_eventbridge::types::Target::builder().id("queue");
    let target = target.arn(format!("arn:aws:sqs:us-east-1:000000000000:{name}")).build().unwrap();
    let targets = world.cloud.eventbridge.put_targets().rule(name).event_bus_name(&world.stack.bus);
    targets.targets(target).send().await.unwrap();
    url
}

async fn heard(world: &World, url: &str) -> Vec<NexusThresholdCrossed> {
    let answer = world.cloud.sqs.receive_message().queue_url(url).max_number_of_messages(10).send().await.unwrap();
    let messages = answer.messages.unwrap_or_default();
    messages.iter().map(|message| fact(message.body().unwrap())).collect()
}

/// Invokes the deployed job.
async fn invoke(world: &World) -> Value {
    let name = format!("{}-{}", world.stack.name, NexusJob::NAME);
    let call = world.cloud.lambda.invoke().function_name(name).payload(Blob::new("{}")).send().await.unwrap();
    assert_eq!(call.function_error(), None, "{call:?}");
    serde_json::from_slice(call.payload().unwrap().as_ref()).unwrap()
}

#[tokio::test]
async fn the_deployed_job_tells_the_bus_once_of_a_state_that_an_order_carried_over() {
    let world = World::shared().await;
    let year = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year();
    let report = TaxReport::read(&world.cloud, &world.stack, year).await.unwrap();
    let fresh = report.states.iter().find(|line| {
        let nexus = line.nexus.as_ref();
        nexus.is_some_and(|nexus| {
            nexus.period == Period::PreviousOrCurrentYear && nexus.needs == RequiredThresholds::Amount && !nexus.crossed
        })
    });
    let state = fresh.expect("a state that has not been crossed in this stack").jurisdiction.clone();
    let name = format!("crossings-{:08x}", fastrand::u32(..));
    let url = listener(&world, &name).await;

    let sku = world.stock("1500.00", true, 1000).await;
    let mut order = cart(&user(), &[(&sku, 400)]);
    order["ship_to"]["region"] = state[3..].into();
    let id = world.place(&order).await;
    until("the order is in the ledger", async || {
        let rows = world.partition(world.table("tax"), &format!("ORDER#{id}")).await;
        !rows.is_empty()
    })
    .await;
    join_all((0..3).map(|_| invoke(&world))).await;

    let mut told = Vec::new();
    until("the bus has been told", async || {
        told.extend(heard(&world, &url).await.into_iter().filter(|crossed| crossed.jurisdiction.as_str() == state));
        !told.is_empty()
    })
    .await;
    invoke(&world).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    told.extend(heard(&world, &url).await.into_iter().filter(|crossed| crossed.jurisdiction.as_str() == state));
    assert_eq!(told.len(), 1);
    assert!(told[0].sales_usd >= Usd::from_cents(60_000_000) && told[0].year == year);

    let report = TaxReport::read(&world.cloud, &world.stack, year).await.unwrap();
    let nexus = report.states.iter().find(|line| line.jurisdiction == state).unwrap().nexus.clone().unwrap();
    assert!(nexus.crossed && nexus.announced_at.is_some());
    let rules = world.cloud.eventbridge.remove_targets().rule(&name).event_bus_name(&world.stack.bus).ids("queue");
    rules.send().await.unwrap();
    world.cloud.eventbridge.delete_rule().name(&name).event_bus_name(&world.stack.bus).send().await.unwrap();
    world.cloud.sqs.delete_queue().queue_url(&url).send().await.unwrap();
}
