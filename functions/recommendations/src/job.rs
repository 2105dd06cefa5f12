//! `recommendations-rebuild`: the hourly job that recomputes the features of users who bought something since its last run.
//!
//! It processes the touched minutes in order and moves its cursor after each, so the next run continues where a run was cut off.
//! The last five minutes may still grow. Their users are rebuilt, but the cursor stops before them, so the next run rebuilds
//! them again. A repeated rebuild does no harm.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use switchyard_chassis::{Env, Failure, Job, Row, Scheduled, Table, describe};
use switchyard_events::{Sku, UserId};
use tokio::time::Instant;

use crate::features::{self, top_products};
use crate::minute::Minute;
use crate::partner_cache::PartnerCache;
use crate::purchases;
use crate::touched_users;

/// The number of users rebuilt concurrently; each waits for DynamoDB most of the time.
const CONCURRENCY: usize = 8;

/// The job. It has no state of its own; the table holds its cursor.
pub struct RebuildFeatures;

impl RebuildFeatures {
    /// Needs no environment variables of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Scheduled for RebuildFeatures {
    const NAME: &'static str = "recommendations-rebuild";
    const PRODUCER: &'static str = "recommendations";

    async fn run(&self, job: &Job) -> Result<Json, Failure> {
        let mut run = Run::new(job).await?;
        let left = !run.catch_up().await?;
        let usage = job.table.take_usage();
        let until = run.cursor.start();
        Ok(json!({"users": run.users, "until": until, "left": left, "calls": usage.calls, "units": usage.units}))
    }
}

/// One run of the job.
struct Run<'a> {
    job: &'a Job,
    now: Timestamp,
    partners: PartnerCache,
    /// The first minute that is not rebuilt yet.
    cursor: Minute,
    /// The first minute to which users may still be added; the cursor goes no further.
    unsettled: Minute,
    /// The number of users whose features were written.
    users: usize,
}

impl<'a> Run<'a> {
    async fn new(job: &'a Job) -> Result<Self, Failure> {
        let now = job.now();
        // The first run starts at 1970.
        let cursor = touched_users::read_cursor(&job.table).await?.unwrap_or_default();
        let (partners, unsettled) = (PartnerCache::new(job.table.clone()), Minute::first_unsettled(now));
        Ok(Self { job, now, partners, cursor, unsettled, users: 0 })
    }

    /// Rebuilds all users touched since the cursor. Returns false if the deadline passed first.
    async fn catch_up(&mut self) -> Result<bool, Failure> {
        let mut from = self.cursor;
        while let Some(first) = touched_users::next_touched_minute(&self.job.table, from).await? {
            for (minute, users) in touched_users::read_hour(&self.job.table, first).await? {
                if self.deadline_passed() {
                    return Ok(false);
                }
                let features = users.iter().map(|user| self.rebuild(user));
                stream::iter(features).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
                self.users += users.len();
                self.advance(minute.next()).await?;
            }
            from = first.next_hour();
        }
        self.advance(self.unsettled).await?;
        Ok(true)
    }

    fn deadline_passed(&self) -> bool {
        Instant::now() >= self.job.deadline
    }

    /// Moves the cursor forward, never back.
    async fn advance(&mut self, until: Minute) -> Result<(), Failure> {
        let until = until.min(self.unsettled);
        if until > self.cursor {
            put(&self.job.table, touched_users::cursor_row(until)).await?;
            self.cursor = until;
        }
        Ok(())
    }

    /// Computes and writes the features of one user.
    async fn rebuild(&self, user: &UserId) -> Result<(), Failure> {
        let purchases = purchases::read_purchases(&self.job.table, user).await?;
        let mut weights: HashMap<Sku, u64> = HashMap::new();
        for sku in purchases::newest_products(&purchases) {
            for (partner, orders) in self.partners.read(&sku).await?.iter() {
                if let Some(weight) = weights.get_mut(partner) {
                    *weight += orders;
                } else {
                    weights.insert(partner.clone(), *orders);
                }
            }
        }
        let bought = purchases.iter().flat_map(|purchase| &purchase.skus).collect();
        put(&self.job.table, features::row(user, &top_products(weights, &bought), self.now)).await
    }
}

/// A plain put, which costs half of a transaction. The last writer wins, which is correct for features and for the cursor.
async fn put(table: &Table, row: Row) -> Result<(), Failure> {
    let request = table.client().put_item().table_name(table.name()).set_item(Some(row.into_item()));
    let answer = request.return_consumed_capacity("TOTAL".into()).send().await;
    let answer = answer.map_err(|error| Failure::retry(format!("DynamoDB PutItem: {}", describe(&error))))?;
    table.count_units(answer.consumed_capacity.and_then(|capacity| capacity.capacity_units).unwrap_or_default());
    Ok(())
}
