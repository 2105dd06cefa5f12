//! Releases one wave: closes it and writes its pick list in pages.
//!
//! A wave is closed by one transaction over all its rows, which succeeds once. From then on neither its orders nor their holds
//! change, so its pages follow from the rows. Each page is written once with its fact, by the first run that gets to it.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;
use switchyard_chassis::{Committed, Failure, Item, Job, Key, Row, Table, Update, text_of};
use switchyard_events::{OrderId, PickWaveReleased};
use tokio::time::Instant;

use crate::hold::{Hold, is_listed};
use crate::keys::{closed_key, hold_key, pick_key, released_key, wave_orders_key, wave_shard_key};
use crate::pick::{self, PickOrder};
use crate::pick_list;
use crate::wave::Wave;
use crate::wave_orders::{SHARD_COUNT, order_id_of_attribute};

/// The number of orders read in one call: a pick and a hold each, and `BatchGetItem` takes 100 keys
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>, 2026-11-21).
const ORDERS_PER_READ: usize = 50;

/// The number of concurrent calls.
const CONCURRENCY: usize = 4;

/// The result of releasing a wave.
pub(crate) enum WaveOutcome {
    /// The wave has no orders.
    Empty,
    /// An earlier run released the wave.
    AlreadyReleased,
    /// This run released the wave.
    Released(ReleaseSummary),
}

/// The numbers of a released wave, as the job returns them.
#[derive(Serialize)]
pub(crate) struct ReleaseSummary {
    wave: String,
    orders: usize,
    held: usize,
    pages: usize,
}

impl ReleaseSummary {
    /// The row that is written after all pages.
    fn row(&self, wave: Wave, released_at: Timestamp) -> Row {
        let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Row::new(released_key(wave))
            .set("released_at", released_at)
            .set("orders", number(self.orders))
            .set("held", number(self.held))
            .set("pages", number(self.pages))
    }
}

/// Closes a wave, or continues with one that is closed, and writes its missing pages.
pub(crate) async fn release(job: &Job, wave: Wave) -> Result<WaveOutcome, Failure> {
    check_deadline(job)?;
    if read_orders(&job.table, wave).await?.is_empty() {
        return Ok(WaveOutcome::Empty);
    }
    if job.table.get(&released_key(wave)).await?.is_some() {
        return Ok(WaveOutcome::AlreadyReleased);
    }
    let closed_at = close(job, wave).await?;
    let order_ids = read_orders(&job.table, wave).await?;
    let orders = read_listed_orders(job, wave, &order_ids).await?;
    let (listed, held) = (orders.len(), order_ids.len() - orders.len());
    let pages = pick_list::pages(wave, closed_at, orders).map_err(|error| Failure::reject("bad_page", error))?;
    let summary = ReleaseSummary { wave: wave.to_string(), orders: listed, held, pages: pages.len() };
    let written = pages.into_iter().map(|page| write_page(job, wave, page));
    stream::iter(written).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
    job.table.put(summary.row(wave, closed_at)).await?;
    Ok(WaveOutcome::Released(summary))
}

/// Closes a wave if it is open. Returns when it was closed.
async fn close(job: &Job, wave: Wave) -> Result<Timestamp, Failure> {
    let mut effects = job.effects();
    effects.record(Row::new(closed_key(wave)).set("closed_at", job.now()));
    for shard in 0..SHARD_COUNT {
        effects.update(wave_shard_key(wave, shard), Update::new().set("closed_at", job.now()));
    }
    if job.commit(effects).await? == Committed::ConditionFailed {
        return Err(Failure::retry("the wave could not be closed"));
    }
    let row = job.table.get(&closed_key(wave)).await?;
    let closed_at = row.as_ref().and_then(|row| text_of(row, "closed_at")?.parse().ok());
    closed_at.ok_or_else(|| Failure::retry("the closed wave cannot be read"))
}

/// The orders that a wave names.
async fn read_orders(table: &Table, wave: Wave) -> Result<Vec<OrderId>, Failure> {
    let Key { pk, sk } = wave_orders_key(wave);
    let rows = table.query(&pk, &format!("{sk}#")).await?;
    Ok(rows.iter().flat_map(Item::keys).filter_map(|attribute| order_id_of_attribute(attribute)).collect())
}

/// The orders of a closed wave that are to be picked: without those that are held or were moved to another wave.
async fn read_listed_orders(job: &Job, wave: Wave, order_ids: &[OrderId]) -> Result<Vec<PickOrder>, Failure> {
    let read_chunk = async |ids: &[OrderId]| {
        check_deadline(job)?;
        let keys = ids.iter().flat_map(|id| [pick_key(id), hold_key(id)]).collect();
        let rows = job.table.get_all(keys).await?;
        let mut orders = Vec::new();
        for id in ids {
            let missing = || Failure::reject("no_pick", format!("{id} is in the wave {wave}, but has no pick"));
            let pick = rows.get(&pick_key(id)).ok_or_else(missing)?;
            let hold = rows.get(&hold_key(id)).and_then(Hold::from_item);
            if is_listed(wave, pick::first_wave(pick)?, hold) {
                orders.push(pick::parse_order(id, pick)?);
            }
        }
        Ok(orders)
    };
    let chunks = order_ids.chunks(ORDERS_PER_READ).map(read_chunk);
    stream::iter(chunks).buffer_unordered(CONCURRENCY).try_concat().await
}

/// Writes a page with its fact, unless an earlier run has written it.
async fn write_page(job: &Job, wave: Wave, page: PickWaveReleased) -> Result<(), Failure> {
    check_deadline(job)?;
    let mut effects = job.effects();
    effects.record(pick_list::row(wave, &page));
    let sequence = page.page.into();
    effects.emit(page, sequence)?;
    match job.commit(effects).await? {
        Committed::Done | Committed::AlreadyDone => Ok(()),
        Committed::ConditionFailed => Err(Failure::retry("a page could not be written")),
    }
}

/// Fails if the deadline has passed. All that is written so far remains valid; the next run continues from there.
fn check_deadline(job: &Job) -> Result<(), Failure> {
    if Instant::now() < job.deadline {
        return Ok(());
    }
    Err(Failure::retry("the deadline passed before all waves were released; the next run continues"))
}
