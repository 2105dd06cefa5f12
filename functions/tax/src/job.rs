//! `tax-nexus`: announces each state whose threshold is crossed, once per state and year.

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use switchyard_chassis::{Committed, Env, Failure, Job, Row, Scheduled, Usage};
use switchyard_events::NexusThresholdCrossed;
use tokio::time::Instant;

use crate::keys::crossed_key;
use crate::limit::Limit;
use crate::progress::NexusProgress;
use crate::sums::MonthlySums;
use crate::thresholds::{State, Threshold, Thresholds};

/// The number of states that are checked concurrently.
const CONCURRENCY: usize = 8;

/// The job. It has no state of its own; the table shows which announcements are missing.
pub struct NexusJob;

impl NexusJob {
    /// Needs no environment variables of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Scheduled for NexusJob {
    const NAME: &'static str = "tax-nexus";
    const PRODUCER: &'static str = "tax";

    async fn run(&self, job: &Job) -> Result<Value, Failure> {
        let thresholds = Thresholds::embedded()?;
        let mut checked = 0;
        let mut announced = Vec::new();
        let mut failures = Vec::new();
        for year in years(job.now()) {
            let mut results = stream::iter(unannounced_states(job, &thresholds, year).await?)
                .map(|(state, threshold)| check_state(job, state, threshold, year))
                .buffer_unordered(CONCURRENCY);
            while let Some(result) = results.next().await {
                checked += 1;
                match result {
                    Ok(crossed) => announced.extend(crossed),
                    Err(failure) => failures.push(failure),
                }
            }
        }
        announced.sort();
        let Usage { calls, units } = job.table.take_usage();
        match failures.into_iter().next() {
            // The other states were announced although this one failed.
            Some(failure) => Err(failure),
            None => Ok(json!({"looked_at": checked, "announced": announced, "calls": calls, "units": units})),
        }
    }
}

/// The years in which a threshold can be crossed now. In January, orders of the previous year may still arrive.
fn years(now: Timestamp) -> Vec<i16> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let first = if today.month() == 1 { today.year() - 1 } else { today.year() };
    (first..=today.year()).collect()
}

/// The states with a threshold for which no crossing has been announced in this year.
async fn unannounced_states<'a>(
    job: &Job,
    thresholds: &'a Thresholds,
    year: i16,
) -> Result<Vec<(&'a State, &'a Threshold)>, Failure> {
    let mut states: Vec<_> =
        thresholds.states.iter().filter_map(|state| Some((state, state.threshold.as_ref()?))).collect();
    let key = |state: &State| crossed_key(state.jurisdiction.as_str(), year);
    let announced = job.table.get_all(states.iter().map(|(state, _)| key(state)).collect()).await?;
    states.retain(|(state, _)| !announced.contains_key(&key(state)));
    Ok(states)
}

/// Announces a state if its threshold is crossed. Returns the announcement's id if this run made it.
async fn check_state(job: &Job, state: &State, threshold: &Threshold, year: i16) -> Result<Option<String>, Failure> {
    if Instant::now() >= job.deadline {
        return Err(Failure::retry(
            "the deadline passed before all states were checked; the next run checks the others",
        ));
    }
    let months = MonthlySums::read(&job.table, state.jurisdiction.as_str(), threshold.period.years(year)).await?;
    let progress = NexusProgress::new(threshold, year, &months);
    if !progress.crossed {
        return Ok(None);
    }
    let fact = fact(state, threshold, year, &progress, job.now())?;
    let id = fact.nexus_id.to_string();
    let mut effects = job.effects();
    effects.record(crossed_row(&fact));
    effects.emit(fact, 1)?;
    match job.commit(effects).await? {
        Committed::Done => Ok(Some(id)),
        // Another run announced the state first.
        Committed::AlreadyDone | Committed::ConditionFailed => Ok(None),
    }
}

fn fact(
    state: &State,
    threshold: &Threshold,
    year: i16,
    progress: &NexusProgress,
    now: Timestamp,
) -> Result<NexusThresholdCrossed, Failure> {
    let nexus_id = NexusThresholdCrossed::id(&state.jurisdiction, year);
    Ok(NexusThresholdCrossed {
        nexus_id: nexus_id.map_err(|error| Failure::reject("bad_fact", error))?,
        jurisdiction: state.jurisdiction.clone(),
        year,
        period_from: progress.window.first.first_day(),
        period_to: progress.window.last.last_day(),
        counts: threshold.counts,
        sales_usd: progress.sales,
        transactions: progress.transactions,
        threshold_usd: threshold.sales.value(),
        threshold_transactions: threshold.transactions.limit().map(Limit::value),
        needs: threshold.transactions.needs(),
        noticed_at: now,
    })
}

/// The row of an announcement. It is written only if its key is new, so there is one announcement per state and year.
fn crossed_row(fact: &NexusThresholdCrossed) -> Row {
    Row::new(crossed_key(fact.jurisdiction.as_str(), fact.year))
        .set("jurisdiction", fact.jurisdiction.as_str())
        .set("year", fact.year)
        .set("period_from", fact.period_from.to_string())
        .set("period_to", fact.period_to.to_string())
        .set("sales_usd", fact.sales_usd)
        .set("transactions", fact.transactions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previous_year_is_checked_in_january_only() {
        let check = |now: &str, expected: &[i16]| assert_eq!(years(now.parse().unwrap()), expected, "{now}");
        check("2026-01-01T00:00:00Z", &[2025, 2026]);
        check("2026-01-31T23:59:59Z", &[2025, 2026]);
        check("2026-02-01T00:00:00Z", &[2026]);
        check("2026-12-31T23:59:59Z", &[2026]);
    }
}
