//! The consumer and its job on a table for one test.

use std::time::Duration;

use jiff::SignedDuration;
use recommendations::{Features, RebuildFeatures, Recommendations, read_features};
use serde_json::Value as Json;
use switchyard_chassis::conformance::ConsumerHarness;
use switchyard_chassis::{Batch, DedupConfig, Job, Scheduled, Transactional};
use switchyard_events::UserId;
use tokio::time::Instant;

use super::history::Order;
use super::model::Model;
use crate::support::TestStack;

/// The consumer with a table and a queue for one test.
pub struct RecommendationsFixture {
    pub harness: ConsumerHarness,
    pub batch: Batch<Transactional<Recommendations>>,
    _stack: TestStack,
}

impl RecommendationsFixture {
    pub async fn new() -> Self {
        let stack = TestStack::shared().await;
        let harness = ConsumerHarness::new(&stack.cloud.config, "recommending").await;
        let dedup = DedupConfig { marker_ttl_days: 90 };
        let (table, queue) = (harness.table.clone(), harness.queue.clone());
        let batch = Batch::transactional(Recommendations, table, queue, dedup, harness.clock.clone());
        Self { harness, batch, _stack: stack }
    }

    pub async fn apply(&self, orders: &[Order]) {
        self.apply_bodies(&orders.iter().map(Order::body).collect::<Vec<_>>()).await;
    }

    pub async fn apply_bodies(&self, bodies: &[String]) {
        for bodies in bodies.chunks(10) {
            assert!(self.harness.process(&self.batch, self.harness.receive(bodies).await).await.is_empty());
        }
    }

    /// Applies each order three times, shuffled, over two hours.
    pub async fn apply_shuffled_three_times(&self, orders: &[Order]) {
        self.apply_bodies_shuffled_three_times(&orders.iter().map(Order::body).collect::<Vec<_>>()).await;
    }

    /// Applies each message three times, shuffled, over two hours.
    pub async fn apply_bodies_shuffled_three_times(&self, bodies: &[String]) {
        let mut copies = [bodies, bodies, bodies].concat();
        fastrand::shuffle(&mut copies);
        let step = SignedDuration::from_mins(120) / i32::try_from(copies.len() / 10 + 1).unwrap();
        for bodies in copies.chunks(10) {
            self.apply_bodies(bodies).await;
            self.advance_clock(step);
        }
    }

    pub fn advance_clock(&self, time: SignedDuration) {
        self.harness.clock.set(self.harness.clock.now() + time);
    }

    pub async fn run_rebuild(&self) -> Json {
        self.run_rebuild_until(Instant::now() + Duration::from_mins(1)).await
    }

    pub async fn run_rebuild_until(&self, deadline: Instant) -> Json {
        let (table, clock) = (self.harness.table.clone(), self.harness.clock.clone());
        let job = Job::new(RebuildFeatures::NAME, RebuildFeatures::PRODUCER, table, clock, deadline).unwrap();
        RebuildFeatures.run(&job).await.unwrap()
    }

    pub async fn features(&self, user: &UserId) -> Option<Features> {
        read_features(&self.harness.table, user).await.unwrap()
    }

    pub async fn assert_offers_match(&self, model: &Model<'_>) {
        for user in model.users() {
            let offered = self.features(&user).await.map(|features| features.top);
            assert_eq!(offered, Some(model.top(&user)), "{user}");
        }
    }
}
