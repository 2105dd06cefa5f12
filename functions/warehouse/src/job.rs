//! `warehouse-wave`: releases the waves that have ended.
//!
//! There is a wave every five minutes, so the job does not search for waves: a cursor stores how far the last run came.

use jiff::SignedDuration;
use serde_json::{Value as Json, json};
use switchyard_chassis::{Env, Failure, Job, Row, Scheduled, Table, text_of};

use crate::keys::cursor_key;
use crate::release::{WaveOutcome, release};
use crate::wave::Wave;

/// How far before the present the very first run starts.
const FIRST_RUN_LOOKBACK: SignedDuration = SignedDuration::from_hours(24);

/// The job. It has no state of its own; the table shows what is left to do.
pub struct ReleaseWaves;

impl ReleaseWaves {
    /// Needs no environment variables of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Scheduled for ReleaseWaves {
    const NAME: &'static str = "warehouse-wave";
    const PRODUCER: &'static str = "warehouse";

    async fn run(&self, job: &Job) -> Result<Json, Failure> {
        let now = job.now();
        let from = read_cursor(&job.table).await?.unwrap_or(Wave::from_timestamp(now - FIRST_RUN_LOOKBACK));
        let (mut until, mut cursor_stops) = (from, false);
        let (mut released, mut failed) = (Vec::new(), None);
        let waves = std::iter::successors(Some(from), |wave| Some(wave.next()));
        for wave in waves.take_while(|wave| wave.is_over(now)) {
            match release(job, wave).await {
                Ok(WaveOutcome::Empty) if !wave.is_settled(now) => cursor_stops = true,
                Ok(WaveOutcome::Empty | WaveOutcome::AlreadyReleased) => {}
                Ok(WaveOutcome::Released(summary)) => released.push(summary),
                // The later waves are still released, but the next run starts with this one.
                Err(failure) => {
                    cursor_stops = true;
                    failed.get_or_insert(failure);
                }
            }
            until = if cursor_stops { until } else { wave.next() };
        }
        if until > from {
            job.table.put(Row::new(cursor_key()).set("until", until.to_string())).await?;
        }
        failed.map_or(Ok(()), Err)?;
        let usage = job.table.take_usage();
        Ok(json!({"released": released, "until": until.to_string(), "calls": usage.calls, "units": usage.units}))
    }
}

/// The first wave that may not be released yet; `None` before the first run.
async fn read_cursor(table: &Table) -> Result<Option<Wave>, Failure> {
    let row = table.get(&cursor_key()).await?;
    Ok(row.as_ref().and_then(|row| text_of(row, "until")?.parse().ok()))
}
