//! A run without faults: every event several times in shuffled order, with cancellations and reviews in between, then all jobs until
//! nothing is left to do, and the audit.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::args::SoakArgs;
use crate::audit::{audit, count_cancellations};
use crate::cart::carts;
use crate::changes::{Changes, Moment};
use crate::collect::collect_evidence;
use crate::jobs::run_jobs;
use crate::order_log::OrderLog;
use crate::redrive::redrive;
use crate::report::Report;
use crate::shuffled_delivery::ShuffledDelivery;
use crate::soak_stack::SoakStack;
use crate::{client, progress};

/// Between two runs of all jobs while effects are missing.
const JOB_INTERVAL: Duration = Duration::from_secs(5);

/// Places the orders, delivers this many copies of each event, and adds the results to the report.
pub(crate) async fn run(
    stack: &SoakStack,
    args: &SoakArgs,
    copies: u16,
    log: &OrderLog,
    report: &mut Report,
) -> Result<()> {
    let deadline = Instant::now() + args.time_limit();
    let carts = carts(args.seed, args.orders, &stack.products);
    let mut delivery = ShuffledDelivery::begin(stack, copies.into(), args.seed).await?;
    client::place_all(&stack.api, &carts, args.clients, log, args.seed, deadline).await;
    progress::show(&format!("orders    {} accepted; no event is delivered yet", log.accepted_count()));
    let changes = Changes::new(stack, log, args.seed);
    changes.make_until(Moment::BeforeDelivery).await;
    let mut missing = 0;
    loop {
        report.drained = delivery.deliver(&changes, deadline).await?;
        redrive(stack, &mut report.dead_letters).await?;
        let evidence = collect_evidence(stack, log.snapshot(), true).await?;
        (report.findings, report.cancellations) = (audit(&evidence), count_cancellations(&evidence));
        report.delivered.clone_from(&delivery.delivered);
        if !report.drained || Instant::now() >= deadline {
            return Ok(());
        }
        if report.findings.lost.is_empty() {
            if changes.make_until(Moment::AtEnd).await == 0 {
                return Ok(());
            }
            progress::show("audit     nothing is missing; delivering the last cancellations and reviews");
            continue;
        }
        if missing != report.findings.lost.len() {
            missing = report.findings.lost.len();
            progress::show(&format!("audit     {missing} effects are missing; running the jobs until all is listed"));
        }
        sleep(JOB_INTERVAL).await;
        run_jobs(stack).await;
        changes.make_until(Moment::AfterJobs).await;
    }
}
