//! `tax-nexus`: announces each state whose threshold is crossed, once per state and year. Which years are examined, and when, is in
//! [`Period::examined_years`](crate::Period::examined_years).

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use switchyard_chassis::{Committed, Env, Failure, Job, Row, Scheduled, Usage};
use switchyard_events::NexusThresholdCrossed;
use tokio::time::Instant;

use crate::keys::crossed_key;
use crate::limit::Limit;
use crate::month::Month;
use crate::progress::NexusProgress;
use crate::sums::MonthlySums;
use crate::thresholds::{State, Threshold, Thresholds};
use crate::time_zone::SellerTimeZone;

/// The number of states that are checked concurrently.
const CONCURRENCY: usize = 8;

/// The job. It has no state of its own; the table shows which announcements are missing.
#[derive(Default)]
pub struct NexusJob {
    time_zone: SellerTimeZone,
}

impl NexusJob {
    /// Reads `SELLER_TIME_ZONE` (default UTC).
    pub fn from_env(env: &mut Env) -> Self {
        Self { time_zone: SellerTimeZone::from_env(env) }
    }
}

impl Scheduled for NexusJob {
    const NAME: &'static str = "tax-nexus";
    const PRODUCER: &'static str = "tax";

    async fn run(&self, job: &Job) -> Result<Value, Failure> {
        let thresholds = Thresholds::embedded()?;
        let month = Month::from_date(self.time_zone.date(job.now()));
        let mut checked = 0;
        let mut announced = Vec::new();
        let mut failures = Vec::new();
        let mut results = stream::iter(unannounced_states(job, &thresholds, month).await?)
            .map(|state| check_state(job, state))
            .buffer_unordered(CONCURRENCY);
        while let Some(result) = results.next().await {
            checked += 1;
            match result {
                Ok(crossed) => announced.extend(crossed),
                Err(failure) => failures.push(failure),
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

/// A state, and the examined years for which no crossing has been announced.
struct UnannouncedState<'a> {
    state: &'a State,
    threshold: &'a Threshold,
    years: Vec<i16>,
}

/// The states with a threshold and a year without an announcement.
async fn unannounced_states<'a>(
    job: &Job,
    thresholds: &'a Thresholds,
    month: Month,
) -> Result<Vec<UnannouncedState<'a>>, Failure> {
    let examined = |state: &'a State| {
        let threshold = state.threshold.as_ref()?;
        Some(UnannouncedState { state, threshold, years: threshold.period.examined_years(month) })
    };
    let mut states: Vec<_> = thresholds.states.iter().filter_map(examined).collect();
    let key = |state: &State, year: i16| crossed_key(state.jurisdiction.as_str(), year);
    let keys = states.iter().flat_map(|open| open.years.iter().map(|&year| key(open.state, year)));
    let announced = job.table.get_all(keys.collect()).await?;
    for open in &mut states {
        open.years.retain(|&year| !announced.contains_key(&key(open.state, year)));
    }
    states.retain(|open| !open.years.is_empty());
    Ok(states)
}

/// Announces each year of a state in which its threshold is crossed. Returns the ids of the announcements that this run made.
async fn check_state(job: &Job, open: UnannouncedState<'_>) -> Result<Vec<String>, Failure> {
    if Instant::now() >= job.deadline {
        return Err(Failure::retry(
            "the deadline passed before all states were checked; the next run checks the others",
        ));
    }
    let UnannouncedState { state, threshold, years } = open;
    let read: BTreeSet<i16> = years.iter().flat_map(|&year| threshold.period.years(year)).collect();
    let months = MonthlySums::read(&job.table, state.jurisdiction.as_str(), read).await?;
    let mut announced = Vec::new();
    for year in years {
        let progress = NexusProgress::new(threshold, year, &months);
        if progress.crossed {
            announced.extend(announce(job, fact(state, threshold, year, &progress, job.now())?).await?);
        }
    }
    Ok(announced)
}

/// Announces a crossing. Returns the announcement's id if this run made it.
async fn announce(job: &Job, fact: NexusThresholdCrossed) -> Result<Option<String>, Failure> {
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
