//! `warehouse-wave`: lists the picks that are ready.
//!
//! The rows show what is left to do, so a run that is cut off leaves nothing behind: what it has not listed is still ready.

use std::collections::VecDeque;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use switchyard_chassis::{Committed, Env, Failure, Job, Key, Scheduled};
use switchyard_events::{OrderId, WaveId};
use tokio::time::Instant;

use crate::former_waves::listed_in;
use crate::keys::{pick_key, ready_key};
use crate::pick::{self, PickOrder};
use crate::pick_list::{fill_pages, page, row};
use crate::ready::{self, PickState, READY};

/// The number of orders read in one call: two rows each, and `BatchGetItem` takes 100 keys
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>, 2026-11-21).
const ORDERS_PER_READ: usize = 50;

/// The number of concurrent calls.
const CONCURRENCY: usize = 8;

/// How often a page is written again without the orders that another writer has taken from it.
const MAX_PAGE_RETRIES: u32 = 5;

/// The job. It has no state of its own; the table shows what is left to do.
pub struct ReleaseWave;

impl ReleaseWave {
    /// Needs no environment variables of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Scheduled for ReleaseWave {
    const NAME: &'static str = "warehouse-wave";
    const PRODUCER: &'static str = "warehouse";

    async fn run(&self, job: &Job) -> Result<Json, Failure> {
        let wave = Wave { job, id: wave_id(job.now())?, released_at: job.now() };
        let mut pending = job.table.pending(READY);
        let (mut next_page, mut listed, mut without_pick, mut failed) = (1, 0, 0, None);
        let mut last_page = Vec::new();
        loop {
            let keys = pending.next().await?;
            let is_last = keys.is_none();
            let order_ids: Vec<_> = keys.iter().flatten().filter_map(ready::order_id).collect();
            let mut orders = wave.read_ready(&order_ids).await?;
            without_pick += orders.without_pick;
            failed = failed.or(orders.failed);
            orders.ready.append(&mut last_page);
            let mut pages: VecDeque<_> = fill_pages(orders.ready).into();
            // The last page may be filled by the orders of the next chunk.
            last_page = if is_last { Vec::new() } else { pages.pop_back().unwrap_or_default() };
            let numbered: Vec<_> = (next_page..).zip(pages).collect();
            next_page += u32::try_from(numbered.len()).unwrap_or(u32::MAX);
            let written = numbered.into_iter().map(|(number, orders)| wave.write_page((number, next_page - 1), orders));
            let written: Vec<usize> = stream::iter(written).buffer_unordered(CONCURRENCY).try_collect().await?;
            listed += written.iter().sum::<usize>();
            if is_last {
                break;
            }
        }
        failed.map_or(Ok(()), Err)?;
        let usage = job.table.take_usage();
        let (wave, pages) = (wave.id.as_str(), next_page - 1);
        Ok(json!({
            "wave": wave, "pages": pages, "orders": listed, "without_pick": without_pick,
            "calls": usage.calls, "units": usage.units,
        }))
    }
}

/// What one run lists.
struct Wave<'a> {
    job: &'a Job,
    id: WaveId,
    released_at: Timestamp,
}

/// What was found for a chunk of ready rows.
#[derive(Default)]
struct Found {
    ready: Vec<PickOrder>,
    /// The number of confirmed orders whose `OrderPlaced` has not arrived. They wait for a later run.
    without_pick: usize,
    /// The first pick that cannot be read. All others are listed.
    failed: Option<Failure>,
}

impl Wave<'_> {
    /// The orders that may be listed, of those that the index names.
    async fn read_ready(&self, order_ids: &[OrderId]) -> Result<Found, Failure> {
        let chunks = order_ids.chunks(ORDERS_PER_READ).map(|order_ids| self.read_chunk(order_ids));
        let chunks: Vec<Found> = stream::iter(chunks).buffer_unordered(CONCURRENCY).try_collect().await?;
        Ok(chunks.into_iter().fold(Found::default(), |mut all, mut chunk| {
            all.ready.append(&mut chunk.ready);
            Found {
                without_pick: all.without_pick + chunk.without_pick,
                failed: all.failed.or(chunk.failed),
                ready: all.ready,
            }
        }))
    }

    async fn read_chunk(&self, order_ids: &[OrderId]) -> Result<Found, Failure> {
        self.check_deadline()?;
        let table = &self.job.table;
        let rows = table.get_all(order_ids.iter().flat_map(|id| [ready_key(id), pick_key(id)]).collect()).await?;
        let mut found = Found::default();
        for id in order_ids {
            if PickState::from_row(rows.get(&ready_key(id))) != PickState::Ready {
                continue;
            }
            let Some(pick) = rows.get(&pick_key(id)) else {
                found.without_pick += 1;
                continue;
            };
            match listed_in(id, pick, async |key: Key| table.get(&key).await).await? {
                None => match pick::parse_order(id, pick) {
                    Ok(order) => found.ready.push(order),
                    Err(failure) => found.failed = found.failed.or(Some(failure)),
                },
                Some(former_wave) => table.update(&ready_key(id), ready::list(&former_wave)).await?,
            }
        }
        Ok(found)
    }

    /// Writes a page with its fact, and marks its orders as listed. Returns how many orders it has. Orders that were withdrawn, or listed
    /// by another run, are left out.
    async fn write_page(&self, (number, pages): (u32, u32), mut orders: Vec<PickOrder>) -> Result<usize, Failure> {
        for _ in 0..=MAX_PAGE_RETRIES {
            self.check_deadline()?;
            if orders.is_empty() {
                return Ok(0);
            }
            let page = page(&self.id, (number, pages), self.released_at, &orders);
            let mut effects = self.job.effects();
            effects.record(row(&page));
            for order in &orders {
                effects.update(ready_key(&order.id), ready::list(&self.id));
            }
            effects.emit(page, number.into())?;
            match self.job.commit(effects).await? {
                Committed::Done | Committed::AlreadyDone => return Ok(orders.len()),
                Committed::ConditionFailed => {
                    let rows =
                        self.job.table.get_all(orders.iter().map(|order| ready_key(&order.id)).collect()).await?;
                    orders.retain(|order| PickState::from_row(rows.get(&ready_key(&order.id))) == PickState::Ready);
                }
            }
        }
        Err(Failure::retry("the orders of a page kept changing; the next run lists them"))
    }

    /// Fails if the deadline has passed. All that is written so far remains valid; the next run continues from there.
    fn check_deadline(&self) -> Result<(), Failure> {
        if Instant::now() < self.job.deadline {
            return Ok(());
        }
        Err(Failure::retry("the deadline passed before all picks were listed; the next run continues"))
    }
}

/// The name of a run's wave: its time to the millisecond. Two runs of the same millisecond write the same pages, so only one of them
/// can write each; what the other one has is listed by the next run.
fn wave_id(now: Timestamp) -> Result<WaveId, Failure> {
    let name = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%S%.3fZ").to_string();
    WaveId::parse(name).map_err(|error| Failure::reject("bad_wave", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wave_is_named_by_the_time_of_its_run() {
        let name = |now: &str| wave_id(now.parse().unwrap()).unwrap().to_string();
        assert_eq!(name("2026-05-26T14:25:30.1239Z"), "20260526T142530.123Z");
        assert_eq!(name("2026-05-26T14:25:30Z"), "20260526T142530.000Z");
    }
}
