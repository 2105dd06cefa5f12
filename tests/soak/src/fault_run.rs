//! A run under faults: orders, cancellations and reviews while faults are injected, then recovery without faults, then the audit.

use std::cell::Cell;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::args::SoakArgs;
use crate::audit::{audit, count_cancellations};
use crate::cart::carts;
use crate::changes::{Changes, Moment};
use crate::collect::collect_evidence;
use crate::fault_injection::inject_faults;
use crate::jobs::run_jobs;
use crate::order_log::OrderLog;
use crate::redrive::redrive;
use crate::report::{Report, counts_between};
use crate::resend::{ResendCounts, resend_events};
use crate::soak_stack::SoakStack;
use crate::{client, progress, queues};

/// How long events may take from a table's stream to the queues while all queues are empty.
const STREAM_TIMEOUT: Duration = Duration::from_secs(20);

/// How often dead letters are redriven.
const MAX_REDRIVES: u32 = 5;

/// Between two runs of all jobs while faults are injected.
const JOB_INTERVAL: Duration = Duration::from_secs(7);

/// Between two lines of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// Between two audits while effects are missing.
const AUDIT_INTERVAL: Duration = Duration::from_secs(2);

/// Places the orders under faults, recovers, and adds the results to the report.
pub(crate) async fn run(stack: &SoakStack, args: &SoakArgs, log: &OrderLog, report: &mut Report) -> Result<()> {
    let deadline = Instant::now() + args.time_limit();
    let resent = Cell::new(ResendCounts::default());
    let changes = Changes::new(stack, log, args.seed);
    let counts_before = stack.proxy.counts();
    let end = Box::pin(fault_phase(stack, args, log, &changes, &resent)).await?;
    report.add_calls(counts_between(&counts_before, stack.proxy.counts()));
    report.set_resent(resent.get());
    progress::show(&format!("faults    ended ({end}); waiting for the queues"));
    client::resolve_open_orders(&stack.api, log).await;
    redrive_until_empty(stack, &changes, deadline, report).await?;
    audit_until_complete(stack, log, deadline, report).await
}

/// Injects faults until the orders are placed and most of the messages that follow from them are processed, or time is
/// up. Returns which of the two.
async fn fault_phase(
    stack: &SoakStack,
    args: &SoakArgs,
    log: &OrderLog,
    changes: &Changes<'_>,
    resent: &Cell<ResendCounts>,
) -> Result<&'static str> {
    let phase = args.fault_phase();
    let deadline = Instant::now() + phase;
    progress::show(&format!("faults    {} orders, seed {}, at most {} s", args.orders, args.seed, phase.as_secs()));
    tokio::select! {
        end = place_orders(stack, args, log, changes, deadline) => end,
        () = changes.make_when_due() => Ok(""),
        () = inject_faults(&stack.proxy, &stack.deployed.consumers, args) => Ok(""),
        () = resend_events(stack, log, args.seed, resent) => Ok(""),
        () = repeat_jobs(stack, changes) => Ok(""),
        () = show_progress(stack, log) => Ok(""),
    }
}

async fn place_orders(
    stack: &SoakStack,
    args: &SoakArgs,
    log: &OrderLog,
    changes: &Changes<'_>,
    deadline: Instant,
) -> Result<&'static str> {
    let carts = carts(args.seed, args.orders, &stack.products);
    client::place_all(&stack.api, &carts, args.clients, log, args.seed, deadline).await;
    progress::show(&format!("orders    {} accepted; processing them under faults", log.accepted_count()));
    loop {
        sleep(Duration::from_secs(1)).await;
        if Instant::now() >= deadline {
            return Ok("time is up");
        }
        if queues::count_visible(&stack.cloud, &stack.deployed.consumers).await? == 0 {
            if changes.count_open() == 0 {
                return Ok("no backlog");
            }
            changes.begin_late();
        }
    }
}

async fn repeat_jobs(stack: &SoakStack, changes: &Changes<'_>) {
    loop {
        sleep(JOB_INTERVAL).await;
        run_jobs(stack).await;
        changes.begin_after_jobs();
    }
}

async fn show_progress(stack: &SoakStack, log: &OrderLog) {
    loop {
        sleep(PROGRESS_INTERVAL).await;
        let messages = queues::count_all(&stack.cloud, &stack.deployed.consumers).await.unwrap_or_default();
        progress::show(&format!("          {} accepted, {messages} messages in queues", log.accepted_count()));
    }
}

/// Waits for the queues, runs the jobs, makes the changes that are left, and redrives dead letters until there are none to redrive.
async fn redrive_until_empty(
    stack: &SoakStack,
    changes: &Changes<'_>,
    deadline: Instant,
    report: &mut Report,
) -> Result<()> {
    for _ in 0..MAX_REDRIVES {
        if !queues::wait_until_empty(&stack.cloud, &stack.deployed.consumers, deadline).await? {
            break;
        }
        run_jobs(stack).await;
        let made = changes.make_until(Moment::AtEnd).await;
        let redriven = redrive(stack, &mut report.dead_letters).await?;
        report.redriven += redriven;
        if redriven == 0 && made == 0 {
            break;
        }
        progress::show(&format!("redrive   {redriven} dead letters; {made} cancellations and reviews were left"));
    }
    Ok(())
}

/// Repeats the audit until no effect is missing, or until a missing effect can be on its way no more.
async fn audit_until_complete(stack: &SoakStack, log: &OrderLog, deadline: Instant, report: &mut Report) -> Result<()> {
    let stream_deadline = Instant::now() + STREAM_TIMEOUT;
    loop {
        report.drained = queues::wait_until_empty(&stack.cloud, &stack.deployed.consumers, deadline).await?;
        let evidence = collect_evidence(stack, log.snapshot(), false).await?;
        (report.findings, report.cancellations) = (audit(&evidence), count_cancellations(&evidence));
        if report.findings.lost.is_empty() || Instant::now() >= stream_deadline.min(deadline) {
            return Ok(());
        }
        sleep(AUDIT_INTERVAL).await;
        run_jobs(stack).await;
    }
}
