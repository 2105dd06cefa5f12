//! Runs of the nexus job on a table for one test, and the announced crossings.

use std::time::Duration;

use serde_json::Value;
use switchyard_chassis::conformance::ConsumerHarness;
use switchyard_chassis::{Clock, Failure, Job, Scheduled};
use switchyard_events::{DomainEvent, NexusThresholdCrossed, OutboxEntry, parse_body};
use tax::{NexusJob, Tax};
use tokio::time::Instant;
use yard::tax::{StateTaxLine, TaxReport};

use crate::support::{TestOrder, apply_orders, new_batch, text};

/// A run of the job at the harness's time; returns the announced crossings.
pub async fn run(harness: &ConsumerHarness) -> Vec<String> {
    run_at(harness, harness.clock.clone()).await
}

pub async fn run_at(harness: &ConsumerHarness, clock: Clock) -> Vec<String> {
    let did = try_run(harness, clock).await.unwrap();
    did["announced"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

pub async fn try_run(harness: &ConsumerHarness, clock: Clock) -> Result<Value, Failure> {
    let deadline = Instant::now() + Duration::from_mins(1);
    let job = Job::new(NexusJob::NAME, NexusJob::PRODUCER, harness.table.clone(), clock, deadline).unwrap();
    NexusJob::default().run(&job).await
}

pub async fn sell(harness: &ConsumerHarness, orders: &[TestOrder]) {
    apply_orders(harness, &new_batch(harness, Tax::default()), orders).await;
}

/// The events in the outboxes of the rows of crossed thresholds.
pub async fn crossings(harness: &ConsumerHarness) -> Vec<NexusThresholdCrossed> {
    let rows = harness.rows().await;
    let rows = rows.iter().filter(|row| text(row, "sk").starts_with("CROSSED#"));
    let facts = rows.flat_map(|row| OutboxEntry::from_attribute(&text(row, "outbox")).unwrap());
    facts.map(|entry| fact(&format!(r#"{{"detail":{}}}"#, entry.detail.get()))).collect()
}

pub fn fact(body: &str) -> NexusThresholdCrossed {
    NexusThresholdCrossed::parse(&parse_body(body).unwrap()).unwrap()
}

pub fn line<'a>(report: &'a TaxReport, state: &str) -> &'a StateTaxLine {
    report.states.iter().find(|line| line.jurisdiction == format!("US-{state}")).unwrap()
}
