//! `tax-nexus`: announces each state whose threshold has been passed, once a year.

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use switchyard_chassis::{Committed, Env, Failure, Job, Row, Scheduled, Usage};
use switchyard_events::NexusThresholdCrossed;
use tokio::time::Instant;

use crate::{MonthlySums, NexusProgress, State, Threshold, Thresholds, crossed_key};

/// States that are looked at side by side.
const AT_ONCE: usize = 8;

/// The job. It holds nothing: what is left to do stands in the table.
pub struct NexusJob;

impl NexusJob {
    /// Needs no configuration of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Scheduled for NexusJob {
    const NAME: &'static str = "tax-nexus";
    const PRODUCER: &'static str = "tax";

    async fn run(&self, job: &Job) -> Result<Value, Failure> {
        let thresholds = Thresholds::embedded()?;
        let mut looked_at = 0;
        let mut announced = Vec::new();
        let mut failures = Vec::new();
        for year in years(job.now()) {
            let mut results = stream::iter(open(job, &thresholds, year).await?)
                .map(|(state, threshold)| look(job, state, threshold, year))
                .buffer_unordered(AT_ONCE);
            while let Some(result) = results.next().await {
                looked_at += 1;
                match result {
                    Ok(crossed) => announced.extend(crossed),
                    Err(failure) => failures.push(failure),
                }
            }
        }
        announced.sort();
        let Usage { calls, units } = job.table.take_usage();
        match failures.into_iter().next() {
            // One state's trouble has not kept the others from being announced.
            Some(failure) => Err(failure),
            None => Ok(json!({"looked_at": looked_at, "announced": announced, "calls": calls, "units": units})),
        }
    }
}

/// The years in which a threshold may be passed now: in January, orders of the year before may still arrive.
fn years(now: Timestamp) -> Vec<i16> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let first = if today.month() == 1 { today.year() - 1 } else { today.year() };
    (first..=today.year()).collect()
}

/// The states of which no crossing has been announced in this year.
async fn open<'a>(
    job: &Job,
    thresholds: &'a Thresholds,
    year: i16,
) -> Result<Vec<(&'a State, &'a Threshold)>, Failure> {
    let mut open: Vec<_> =
        thresholds.states.iter().filter_map(|state| Some((state, state.threshold.as_ref()?))).collect();
    let key = |state: &State| crossed_key(state.jurisdiction.as_str(), year);
    let announced = job.table.get_all(open.iter().map(|(state, _)| key(state)).collect()).await?;
    open.retain(|(state, _)| !announced.contains_key(&key(state)));
    Ok(open)
}

/// Announces a state if its threshold is passed and nobody has said so before.
async fn look(job: &Job, state: &State, threshold: &Threshold, year: i16) -> Result<Option<String>, Failure> {
    if Instant::now() >= job.deadline {
        return Err(Failure::retry("no time was left to look at every state; the next run does"));
    }
    let months = MonthlySums::read(&job.table, state.jurisdiction.as_str(), threshold.period.years(year)).await?;
    let progress = NexusProgress::new(threshold, year, &months);
    if !progress.crossed {
        return Ok(None);
    }
    let fact = fact(state, threshold, year, &progress, job.now())?;
    let id = fact.nexus_id.to_string();
    let mut effects = job.effects();
    effects.record(row(&fact));
    effects.emit(fact, 1)?;
    Ok((job.commit(effects).await? == Committed::Done).then_some(id))
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
        threshold_transactions: threshold.transactions.limit().map(crate::Limit::value),
        needs: threshold.transactions.needs(),
        noticed_at: now,
    })
}

/// What stays in the table: its key makes the announcement the only one of its state and year.
fn row(fact: &NexusThresholdCrossed) -> Row {
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
    fn the_year_before_is_looked_at_in_january_only() {
        let check = |now: &str, expected: &[i16]| assert_eq!(years(now.parse().unwrap()), expected, "{now}");
        check("2026-01-01T00:00:00Z", &[2025, 2026]);
        check("2026-01-31T23:59:59Z", &[2025, 2026]);
        check("2026-02-01T00:00:00Z", &[2026]);
        check("2026-12-31T23:59:59Z", &[2026]);
    }
}
