//! The hourly job: what to offer to those who have bought something since its last run.
//!
//! It goes through the touched minutes in their order and moves its cursor behind each, so a run that is cut off is taken up
//! there. The last five minutes may still grow: what they hold is rebuilt, but the cursor stops before them, and the next run
//! looks at them again. Working something out twice changes nothing.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use switchyard_chassis::{Env, Failure, Job, Row, Scheduled, Table, describe};
use switchyard_events::{Sku, UserId};
use tokio::time::Instant;

use crate::features::{self, top_products};
use crate::partners::Partners;
use crate::recent;
use crate::touched::{self, Minute};

/// Users worked on at once: what they wait for is DynamoDB.
const AT_ONCE: usize = 8;

/// The job.
pub struct RebuildFeatures;

impl RebuildFeatures {
    /// Needs no configuration of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Scheduled for RebuildFeatures {
    const NAME: &'static str = "recommendations-rebuild";
    const PRODUCER: &'static str = "recommendations";

    async fn run(&self, job: &Job) -> Result<Json, Failure> {
        let mut run = Run::begin(job).await?;
        let left = !run.catch_up().await?;
        let usage = job.table.take_usage();
        let until = run.cursor.start();
        Ok(json!({"users": run.users, "until": until, "left": left, "calls": usage.calls, "units": usage.units}))
    }
}

/// One run.
struct Run<'a> {
    job: &'a Job,
    now: Timestamp,
    partners: Partners,
    /// The first minute that is not rebuilt.
    cursor: Minute,
    /// The cursor goes no further.
    unsettled: Minute,
    /// How many users' features were written.
    users: usize,
}

impl<'a> Run<'a> {
    async fn begin(job: &'a Job) -> Result<Self, Failure> {
        let now = job.now();
        // The first run begins at the beginning.
        let cursor = touched::cursor(&job.table).await?.unwrap_or_default();
        let (partners, unsettled) = (Partners::of(job.table.clone()), Minute::unsettled(now));
        Ok(Self { job, now, partners, cursor, unsettled, users: 0 })
    }

    /// Rebuilds all that was touched since; false if there was no time for all of it.
    async fn catch_up(&mut self) -> Result<bool, Failure> {
        let mut from = self.cursor;
        while let Some(first) = touched::next(&self.job.table, from).await? {
            for (minute, users) in touched::hour(&self.job.table, first).await? {
                if self.is_over() {
                    return Ok(false);
                }
                let features = users.iter().map(|user| self.rebuild(user));
                stream::iter(features).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
                self.users += users.len();
                self.advance(minute.next()).await?;
            }
            from = first.next_hour();
        }
        self.advance(self.unsettled).await.map(|()| true)
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.job.deadline
    }

    /// Moves the cursor on, never back.
    async fn advance(&mut self, until: Minute) -> Result<(), Failure> {
        let until = until.min(self.unsettled);
        if until > self.cursor {
            put(&self.job.table, touched::cursor_row(until)).await?;
            self.cursor = until;
        }
        Ok(())
    }

    /// Works out what to offer to one user, from what is known now.
    async fn rebuild(&self, user: &UserId) -> Result<(), Failure> {
        let purchases = recent::read_purchases(&self.job.table, user).await?;
        let mut weights: HashMap<Sku, u64> = HashMap::new();
        for sku in recent::newest_products(&purchases) {
            for (partner, orders) in self.partners.read(&sku).await?.iter() {
                match weights.get_mut(partner) {
                    Some(weight) => *weight += orders,
                    None => drop(weights.insert(partner.clone(), *orders)),
                }
            }
        }
        let bought = purchases.iter().flat_map(|purchase| &purchase.skus).collect();
        put(&self.job.table, features::row(user, &top_products(weights, &bought), self.now)).await
    }
}

/// A plain put, at half the price of a transaction: whoever writes such a row last is right.
async fn put(table: &Table, row: Row) -> Result<(), Failure> {
    let request = table.client().put_item().table_name(table.name()).set_item(Some(row.into_item()));
    let answer = request.return_consumed_capacity("TOTAL".into()).send().await;
    let answer = answer.map_err(|error| Failure::retry(format!("DynamoDB PutItem: {}", describe(&error))))?;
    table.count_units(answer.consumed_capacity.and_then(|capacity| capacity.capacity_units).unwrap_or_default());
    Ok(())
}
