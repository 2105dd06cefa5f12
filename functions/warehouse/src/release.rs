//! `warehouse-wave`: closes the waves whose time is over, writes their pick lists and says that they are released.
//!
//! Waves follow one another every five minutes, so none has to be searched for: a cursor tells how far the last run came.
//! A wave is closed by one transaction over all its rows, of which only the first succeeds. From then on who is in it and who of
//! them is held stands fast, so its pages follow from the rows, and each is written once with its fact, whichever run does it.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value as Json, json};
use switchyard_chassis::{Committed, Env, Failure, Item, Job, Key, Row, Scheduled, Table, Update, text_of};
use switchyard_events::{OrderId, PickWaveReleased};
use tokio::time::Instant;

use crate::hold::{Hold, is_listed};
use crate::pick;
use crate::pick_list::{self, PickOrder};
use crate::wave::{SHARDS, Wave, named};

/// How far back the very first run looks.
const FIRST_LOOK: SignedDuration = SignedDuration::from_hours(24);

/// Orders read in one call: a pick and a hold each, and `BatchGetItem` takes 100 keys
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>, 2026-11-21).
const ORDERS_A_READ: usize = 50;

/// Calls under way at once.
const AT_ONCE: usize = 4;

/// The job. It holds nothing: what is left to do stands in the table.
pub struct ReleaseWaves;

impl ReleaseWaves {
    /// Needs no configuration of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Scheduled for ReleaseWaves {
    const NAME: &'static str = "warehouse-wave";
    const PRODUCER: &'static str = "warehouse";

    async fn run(&self, job: &Job) -> Result<Json, Failure> {
        let now = job.now();
        let from = cursor(&job.table).await?.unwrap_or(Wave::from_timestamp(now - FIRST_LOOK));
        let (mut until, mut waits) = (from, false);
        let (mut released, mut failed) = (Vec::new(), None);
        let waves = std::iter::successors(Some(from), |wave| Some(wave.next()));
        for wave in waves.take_while(|wave| wave.is_over(now)) {
            match release(job, wave).await {
                Ok(Found::Nobody) if !wave.is_settled(now) => waits = true,
                Ok(Found::Nobody | Found::Released) => {}
                Ok(Found::Wave(wave)) => released.push(wave),
                // One wave's trouble does not keep the others; but the next run begins with it.
                Err(failure) => {
                    waits = true;
                    failed.get_or_insert(failure);
                }
            }
            until = if waits { until } else { wave.next() };
        }
        if until > from {
            job.table.put(Row::new(cursor_key()).set("until", until.to_string())).await?;
        }
        failed.map_or(Ok(()), Err)?;
        let usage = job.table.take_usage();
        Ok(json!({"released": released, "until": until.to_string(), "calls": usage.calls, "units": usage.units}))
    }
}

/// What there was to do about a wave.
enum Found {
    /// Nobody is in it.
    Nobody,
    /// It had been released before.
    Released,
    /// It is released now.
    Wave(Summary),
}

/// A wave that is released.
#[derive(Serialize)]
struct Summary {
    wave: String,
    orders: usize,
    held: usize,
    pages: usize,
}

/// Closes a wave, or goes on with one that is closed, and writes whatever of its pages is missing.
async fn release(job: &Job, wave: Wave) -> Result<Found, Failure> {
    in_time(job)?;
    if members(&job.table, wave).await?.is_empty() {
        return Ok(Found::Nobody);
    }
    if job.table.get(&released_key(wave)).await?.is_some() {
        return Ok(Found::Released);
    }
    let closed_at = close(job, wave).await?;
    let members = members(&job.table, wave).await?;
    let orders = listed(job, wave, &members).await?;
    let (listed, held) = (orders.len(), members.len() - orders.len());
    let pages = pick_list::pages(wave, closed_at, orders).map_err(|error| Failure::reject("bad_page", error))?;
    let summary = Summary { wave: wave.to_string(), orders: listed, held, pages: pages.len() };
    let written = pages.into_iter().map(|page| write(job, wave, page));
    stream::iter(written).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    job.table.put(summary.row(wave, closed_at)).await?;
    Ok(Found::Wave(summary))
}

/// Closes a wave unless it is closed; says since when it is.
async fn close(job: &Job, wave: Wave) -> Result<Timestamp, Failure> {
    let mut effects = job.effects();
    effects.record(Row::new(wave.closed_key()).set("closed_at", job.now()));
    for shard in 0..SHARDS {
        effects.update(wave.shard_key(shard), Update::new().set("closed_at", job.now()));
    }
    if job.commit(effects).await? == Committed::ConditionFailed {
        return Err(Failure::retry("the wave could not be closed"));
    }
    let row = job.table.get(&wave.closed_key()).await?;
    let closed_at = row.as_ref().and_then(|row| text_of(row, "closed_at")?.parse().ok());
    closed_at.ok_or_else(|| Failure::retry("the closed wave cannot be read"))
}

/// Who is in a wave.
async fn members(table: &Table, wave: Wave) -> Result<Vec<OrderId>, Failure> {
    let Key { pk, sk } = wave.orders_key();
    let rows = table.query(&pk, &format!("{sk}#")).await?;
    Ok(rows.iter().flat_map(Item::keys).filter_map(|attribute| named(attribute)).collect())
}

/// Those of a closed wave that are to be picked: not those that are held, or have gone to another wave since.
async fn listed(job: &Job, wave: Wave, members: &[OrderId]) -> Result<Vec<PickOrder>, Failure> {
    let some = async |ids: &[OrderId]| {
        in_time(job)?;
        let keys = ids.iter().flat_map(|id| [pick::key(id), Hold::key(id)]).collect();
        let rows = job.table.get_all(keys).await?;
        let read = |id: &OrderId| {
            let lost = || Failure::reject("no_pick", format!("{id} is in the wave {wave}, but has no pick"));
            let pick = rows.get(&pick::key(id)).ok_or_else(lost)?;
            let hold = rows.get(&Hold::key(id)).and_then(Hold::from_item);
            is_listed(wave, pick::wave(pick)?, hold).then(|| pick::order(id, pick)).transpose()
        };
        ids.iter().filter_map(|id| read(id).transpose()).collect::<Result<Vec<_>, _>>()
    };
    stream::iter(members.chunks(ORDERS_A_READ).map(some)).buffer_unordered(AT_ONCE).try_concat().await
}

/// Writes a page with its fact, unless an earlier run has.
async fn write(job: &Job, wave: Wave, page: PickWaveReleased) -> Result<(), Failure> {
    in_time(job)?;
    let mut effects = job.effects();
    effects.record(pick_list::row(wave, &page));
    let sequence = page.page.into();
    effects.emit(page, sequence)?;
    match job.commit(effects).await? {
        Committed::Done | Committed::AlreadyDone => Ok(()),
        Committed::ConditionFailed => Err(Failure::retry("a page could not be written")),
    }
}

impl Summary {
    /// The row that is there when all pages are.
    fn row(&self, wave: Wave, released_at: Timestamp) -> Row {
        let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Row::new(released_key(wave))
            .set("released_at", released_at)
            .set("orders", number(self.orders))
            .set("held", number(self.held))
            .set("pages", number(self.pages))
    }
}

fn released_key(wave: Wave) -> Key {
    Key::new(wave.partition(), "RELEASED")
}

/// The first wave that is not known to be released.
async fn cursor(table: &Table) -> Result<Option<Wave>, Failure> {
    let row = table.get(&cursor_key()).await?;
    Ok(row.as_ref().and_then(|row| text_of(row, "until")?.parse().ok()))
}

fn cursor_key() -> Key {
    Key::new("WAVES", "CURSOR")
}

/// Whatever is written stands; the next run goes on from there.
fn in_time(job: &Job) -> Result<(), Failure> {
    if Instant::now() < job.deadline {
        return Ok(());
    }
    Err(Failure::retry("no time was left to release every wave; the next run goes on"))
}
