//! A run with one outage: orders while a service is out of reach, recovery, and the comparison with what was promised.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::QueueAttributeName;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use yard::{Consumer, peek_dead_letters};

use super::alarm::Alarm;
use super::delays::delays;
use super::outage_report::{AlarmResult, OutageReport};
use super::scenario::OutageService;
use crate::args::SoakArgs;
use crate::audit::{Evidence, audit};
use crate::cart::carts;
use crate::collect::collect_evidence;
use crate::jobs::run_jobs;
use crate::log_totals::LogTotals;
use crate::order_log::OrderLog;
use crate::report::counts_between;
use crate::soak_stack::SoakStack;
use crate::{client, progress, queues};

/// Orders that are placed before the outage, so that all functions have started.
const WARM_UP_ORDERS: usize = 3;

/// How long the orders before the outage may take.
const WARM_UP_TIMEOUT: Duration = Duration::from_mins(2);

/// Everything is done this soon after an outage of ten minutes: a message waits at most a tenth of its age.
const RECOVERY_LIMIT: Duration = Duration::from_mins(2);

/// If SQS is out of reach, a function cannot set when a message is delivered again, and the queue's visibility timeout has to end.
/// Added to it for handling the message.
const HANDLING_TIME: Duration = Duration::from_secs(15);

/// Beyond the limit the run waits this long, to report how late everything is done.
const OVERTIME: Duration = Duration::from_mins(4);

/// How long the queues may take to be empty once everything is done, or the wait for it is over.
const DRAIN_TIME: Duration = Duration::from_secs(30);

/// An outage of this length must meet the alarm's condition.
const MIN_OUTAGE_FOR_ALARM: Duration = Duration::from_mins(8);

/// Between two audits after the outage.
const AUDIT_INTERVAL: Duration = Duration::from_secs(3);

/// Between two lines of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_mins(1);

/// Places the orders during the outage, waits for the recovery, and returns what was found.
pub(crate) async fn run(
    stack: &SoakStack,
    args: &SoakArgs,
    service: OutageService,
    log: &OrderLog,
) -> Result<OutageReport> {
    let consumer = affected_consumer(stack, args, service)?;
    let alarm_name = match consumer {
        Some(consumer) => format!("{}-{}-deferred-messages", stack.deployed.name, consumer.name),
        None => format!("{}-publisher-behind", stack.deployed.name),
    };
    let alarm = Alarm::read(&stack.cloud, &alarm_name).await?;
    let recovery_limit = recovery_limit(stack, service, consumer).await?;
    let carts = carts(args.seed, args.orders + WARM_UP_ORDERS, &stack.products);
    let (first, others) = carts.split_at(WARM_UP_ORDERS);
    client::place_evenly(&stack.api, first, Duration::from_secs(1), log, args.seed).await;
    let warmed_up = audit_until_complete(stack, log, Instant::now() + WARM_UP_TIMEOUT).await?;
    ensure!(audit(&warmed_up).lost.is_empty(), "the orders before the outage were not processed");

    let counts_before = stack.proxy.counts();
    let began_at = Timestamp::now();
    progress::show(&format!("outage    of {} s, {} orders", args.time_limit().as_secs(), args.orders));
    stack.proxy.set_rules(service.rules(args.way, consumer.map_or("", |consumer| &consumer.table)));
    tokio::select! {
        () = async {
            let outage_end = Instant::now() + args.time_limit();
            client::place_evenly(&stack.api, others, args.time_limit(), log, args.seed).await;
            tokio::time::sleep_until(outage_end).await;
        } => {}
        () = show_progress(stack, log) => {}
    }
    stack.proxy.set_rules(Vec::new());
    let recovered_at = Timestamp::now();
    let calls = counts_between(&counts_before, stack.proxy.counts());
    progress::show("outage    has ended; waiting until everything is done");

    client::resolve_open_orders(&stack.api, log).await;
    let deadline = Instant::now() + recovery_limit + OVERTIME;
    let evidence = audit_until_complete(stack, log, deadline).await?;
    let deadline = deadline.max(Instant::now() + DRAIN_TIME);
    let drained = queues::wait_until_empty(&stack.cloud, &stack.deployed.consumers, deadline).await?;

    let cloud_log = std::fs::read(stack.instance.log()).context("the log of the local cloud cannot be read")?;
    let cloud_log = String::from_utf8_lossy(&cloud_log);
    let samples = match consumer {
        Some(_) => alarm.samples_from_log(&cloud_log),
        None => stack.recorder.publisher_ages(),
    };
    let samples: Vec<_> = samples.into_iter().filter(|it| (began_at..=recovered_at).contains(&it.at)).collect();
    let delays = delays(&evidence);
    let last_applied = delays.values().filter_map(|delays| delays.last_applied).max();
    Ok(OutageReport {
        service,
        way: args.way,
        consumer: consumer.map(|consumer| consumer.name.clone()),
        seed: args.seed,
        outage_seconds: recovered_at.duration_since(began_at).as_secs_f64(),
        orders_wanted: carts.len(),
        orders: log.snapshot().into(),
        failed_calls: failed_calls(calls),
        delays,
        done_seconds: last_applied.map(|at| at.duration_since(recovered_at).as_secs_f64()),
        recovery_limit_seconds: recovery_limit.as_secs_f64(),
        drained,
        dead_letters: dead_letters(stack).await?,
        alarm: AlarmResult {
            is_due: args.time_limit() >= MIN_OUTAGE_FOR_ALARM,
            highest: samples.iter().map(|sample| sample.value).fold(0.0, f64::max),
            met_after_seconds: alarm.met_at(&samples).map(|at| at.duration_since(began_at).as_secs_f64()),
            alarm,
        },
        consumers: LogTotals::from_log(&cloud_log),
        findings: audit(&evidence),
        wrong_answers: log.snapshot().wrong_answers,
    })
}

/// The consumer whose messages cannot be processed; none if no consumer receives any.
fn affected_consumer<'a>(
    stack: &'a SoakStack,
    args: &SoakArgs,
    service: OutageService,
) -> Result<Option<&'a Consumer>> {
    let Some(name) = service.default_consumer() else { return Ok(None) };
    let consumer = stack.deployed.consumer(args.consumer.as_deref().unwrap_or(name))?;
    let is_shared = consumer.table == stack.deployed.orders_table;
    ensure!(!is_shared, "{} is also the table of checkout: without it no order is placed", consumer.table);
    Ok(Some(consumer))
}

async fn recovery_limit(stack: &SoakStack, service: OutageService, consumer: Option<&Consumer>) -> Result<Duration> {
    let (OutageService::Sqs, Some(consumer)) = (service, consumer) else { return Ok(RECOVERY_LIMIT) };
    let name = QueueAttributeName::VisibilityTimeout;
    let read = stack.cloud.sqs.get_queue_attributes().queue_url(&consumer.queue_url).attribute_names(name.clone());
    let attributes = read.send().await.with_context(|| format!("{} cannot be read", consumer.queue_url))?.attributes;
    let seconds = attributes.and_then(|attributes| attributes.get(&name)?.parse().ok());
    let visibility = Duration::from_secs(seconds.context("a queue without a visibility timeout")?);
    Ok(RECOVERY_LIMIT.max(visibility + HANDLING_TIME))
}

/// Reads and audits everything until no effect is missing, or until the deadline.
async fn audit_until_complete(stack: &SoakStack, log: &OrderLog, deadline: Instant) -> Result<Evidence> {
    loop {
        sleep(AUDIT_INTERVAL).await;
        let evidence = collect_evidence(stack, log.snapshot(), false).await?;
        if Instant::now() >= deadline || audit(&evidence).lost.is_empty() {
            return Ok(evidence);
        }
        // Some effects, such as the crossing of a tax threshold, are those of a job.
        run_jobs(stack).await;
    }
}

async fn show_progress(stack: &SoakStack, log: &OrderLog) {
    loop {
        sleep(PROGRESS_INTERVAL).await;
        let messages = queues::count_all(&stack.cloud, &stack.deployed.consumers).await.unwrap_or_default();
        progress::show(&format!("          {} accepted, {messages} messages in queues", log.accepted_count()));
    }
}

/// The calls that failed, by operation.
fn failed_calls(calls: switchyard_faults::CallCounts) -> BTreeMap<String, u64> {
    let failed =
        |kinds: BTreeMap<String, u64>| kinds.iter().filter(|(kind, _)| *kind != "passed").map(|(_, count)| count).sum();
    let calls = calls.into_iter().map(|(operation, kinds)| (operation, failed(kinds)));
    calls.filter(|(_, failed)| *failed > 0).collect()
}

/// All dead letters, by owner of their queue and error code.
async fn dead_letters(stack: &SoakStack) -> Result<BTreeMap<String, u64>> {
    let queues = stack.deployed.consumers.iter().map(|consumer| (consumer.name.as_str(), &consumer.dlq_url));
    let mut counts = BTreeMap::new();
    for (owner, dlq_url) in queues.chain([("(publisher)", &stack.deployed.publisher_dlq)]) {
        for letter in peek_dead_letters(&stack.cloud, dlq_url).await? {
            let code = letter.attributes.get("error_code").map_or("(none: moved by SQS)", String::as_str);
            let error = letter.attributes.get("error").map_or("", String::as_str);
            *counts.entry(format!("{owner} {code} {error}").trim_end().to_owned()).or_default() += 1;
        }
    }
    Ok(counts)
}
