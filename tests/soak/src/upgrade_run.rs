//! An upgrade: an earlier version is deployed and left with unfinished work of every kind; then this version is deployed
//! over it while orders are placed; then the audit.
//!
//! Unfinished at the upgrade: messages that were never received, messages that were received and failed, messages in
//! dead-letter queues, events that the bus has not accepted, open waves. The audit is that of this version, and covers
//! all orders: those of the earlier version, and those that were placed during the deployment.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use yard::{Instance, Project, Stack, up};

use crate::args::SoakArgs;
use crate::audit::{audit, ready_picks};
use crate::cart::{Cart, carts};
use crate::client;
use crate::collect::collect_evidence;
use crate::dead_letters::{DeadLetterBodies, compare_dead_letters, read_dead_letters};
use crate::earlier_stack::EarlierStack;
use crate::earlier_version::EarlierVersion;
use crate::jobs::run_jobs;
use crate::mapping::set_mapping_enabled;
use crate::order_log::OrderLog;
use crate::products::catalog;
use crate::redrive::redrive;
use crate::report::{Report, UpgradeCounts};
use crate::resend::{ResendCounts, publish_again};
use crate::soak_stack::SoakStack;
use crate::{progress, queues};

/// There is stock for so many orders, which is more than a deployment can meet.
const MAX_ORDERS: usize = 100_000;

/// Clients that order while this version is deployed.
const CLIENTS_DURING_DEPLOYMENT: usize = 2;

/// The pause of such a client between two orders. The local cloud has to deploy meanwhile.
const ORDER_INTERVAL: Duration = Duration::from_millis(200);

/// How long orders are placed, and outages last, after the deployment.
const TIME_AFTER_DEPLOYMENT: Duration = Duration::from_secs(5);

/// How long the earlier version may take for its first orders.
const FIRST_ORDERS_TIMEOUT: Duration = Duration::from_mins(2);

/// How long its publisher and the failing consumer may take to fail for the first time.
const FIRST_FAILURE_TIMEOUT: Duration = Duration::from_secs(20);

/// Between two looks at the deployment.
const WATCH_INTERVAL: Duration = Duration::from_millis(200);

/// Between two audits while effects are missing.
const AUDIT_INTERVAL: Duration = Duration::from_secs(5);

/// Deploys the earlier version, then this one, and adds the results to the report.
pub(crate) async fn run(
    project: &Project,
    instance: &Instance,
    version: &EarlierVersion,
    args: &SoakArgs,
    log: &OrderLog,
    report: &mut Report,
) -> Result<SoakStack> {
    progress::show(&format!("earlier   {}: building and deploying it", version.commit));
    version.build().await?;
    up::down(instance).await?;
    let earlier = EarlierStack::start(version, instance, catalog(MAX_ORDERS, false), args.seed).await?;
    let mut counts = UpgradeCounts { from: version.commit.clone(), ..UpgradeCounts::default() };
    let planted = leave_unfinished_work(&earlier, args, log, &mut counts).await?;
    let before = log.snapshot().accepted;
    counts.accepted_before = before.len();

    let deployed = Box::pin(deploy_under_traffic(project, &earlier, args, log, &mut counts)).await?;
    counts.accepted_during = log.accepted_count() - before.len();
    counts.answers_during = log.snapshot().unclear;
    let stack = into_soak_stack(earlier, deployed);
    let deadline = Instant::now() + args.time_limit();
    finish_work(&stack, log, report, &mut counts).await?;
    progress::show(&format!("repeat    the requests of {} orders of the earlier version", before.len()));
    let mut random = Rng::with_seed(args.seed);
    for accepted in &before {
        client::repeat_and_read(&stack.api, accepted, log, &mut random).await;
    }
    client::resolve_open_orders(&stack.api, log).await;
    // What the earlier version has applied, this one must know.
    report.set_resent(ResendCounts { to_bus: publish_again(&stack, &before).await?, to_queues: 0 });
    audit_until_complete(&stack, log, deadline, report).await?;
    counts.planted = planted.values().map(Vec::len).sum();
    counts.wrong_dead_letters = compare_dead_letters(&planted, read_dead_letters(&stack).await?);
    report.upgrade = Some(counts);
    Ok(stack)
}

/// A third of the orders is processed completely, a third is queued in every consumer's queue, and a third waits in the
/// stream. No job runs, so all waves stay open.
async fn leave_unfinished_work(
    earlier: &EarlierStack,
    args: &SoakArgs,
    log: &OrderLog,
    counts: &mut UpgradeCounts,
) -> Result<DeadLetterBodies> {
    let EarlierStack { cloud, core, api, products, roles, .. } = earlier;
    let carts = carts(args.seed, args.orders, products);
    let (first, rest) = carts.split_at(args.orders / 3);
    let (second, third) = rest.split_at(args.orders / 3);
    let deadline = Instant::now() + FIRST_ORDERS_TIMEOUT;
    let place = async |carts: &[Cart]| client::place_all(api, carts, args.clients, log, args.seed, deadline).await;

    place(first).await;
    let planted = earlier.plant_unreadable().await?;
    let done = queues::wait_until_empty(cloud, &core.consumers, deadline).await?;
    ensure!(done, "the earlier version does not process its first orders");
    earlier.disable_consumers().await?;
    place(second).await;
    queues::wait_until_stable(cloud, &core.consumers).await?;
    counts.moved_to_dead_letters = earlier.move_to_dead_letters().await?;
    let accepted = log.accepted_count();
    earlier.fail_messages().await?;
    place(third).await;
    counts.unpublished = log.accepted_count() - accepted;
    counts.queued = earlier.count_queued().await?;
    counts.disabled.clone_from(&roles.disabled.name);
    counts.failing.clone_from(&roles.failing.name);
    wait_for_first_failures(earlier).await?;
    progress::show(&format!("earlier   {} accepted; {}", log.accepted_count(), counts.describe_unfinished()));
    Ok(planted)
}

/// Waits until the bus has refused events, and the failing consumer has received messages.
async fn wait_for_first_failures(earlier: &EarlierStack) -> Result<()> {
    let deadline = Instant::now() + FIRST_FAILURE_TIMEOUT;
    let failing = &earlier.roles.failing;
    loop {
        let visible = queues::count_visible(&earlier.cloud, [failing]).await?;
        let received = queues::count_all(&earlier.cloud, [failing]).await? - visible;
        if received > 0 && earlier.failed_calls("events PutEvents") > 0 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the earlier version does not notice that {} has no table", failing.name);
        sleep(WATCH_INTERVAL).await;
    }
}

/// Deploys this version as an update of the earlier stack, while clients place and read orders.
async fn deploy_under_traffic(
    project: &Project,
    earlier: &EarlierStack,
    args: &SoakArgs,
    log: &OrderLog,
    counts: &mut UpgradeCounts,
) -> Result<Stack> {
    let ended = Cell::new(false);
    let deploy = async {
        let (started, args) = (
            Instant::now(),
            up::UpArgs { no_build: true, parameters: vec!["Schedules=DISABLED".into()], ..up::UpArgs::default() },
        );
        let result = up::up(project, &earlier.instance, "switchyard", &args).await;
        let seconds = started.elapsed().as_secs();
        if result.is_ok() {
            sleep(TIME_AFTER_DEPLOYMENT).await;
        }
        ended.set(true);
        result.map(|(_, stack)| (stack, seconds))
    };
    let (deployed, watched, ()) =
        tokio::join!(deploy, watch_deployment(earlier, &ended), keep_ordering(earlier, args, log, &ended));
    let (stack, seconds) = deployed.context("this version cannot be deployed over the earlier one")?;
    watched?;
    counts.deployment_seconds = seconds;
    Ok(stack)
}

/// Enables the consumers when the change set is there and the update is about to begin, so that they are replaced while
/// they work. Ends the outage of the bus when the publisher has been replaced, so that another version publishes the
/// events than the one that stored them.
async fn watch_deployment(earlier: &EarlierStack, ended: &Cell<bool>) -> Result<()> {
    let (code, change_sets) = (publisher_code(earlier).await?, count_change_sets(earlier).await?);
    let (mut consumers_enabled, mut publisher_replaced) = (false, false);
    while !ended.get() {
        sleep(WATCH_INTERVAL).await;
        if !consumers_enabled && count_change_sets(earlier).await? > change_sets {
            consumers_enabled = true;
            progress::show("deploy    the update begins; all consumers but one are enabled");
            earlier.enable_consumers().await?;
        }
        if !publisher_replaced && publisher_code(earlier).await? != code {
            publisher_replaced = true;
            progress::show("deploy    the publisher is replaced; the bus works again");
            earlier.set_outages(false);
        }
    }
    earlier.proxy.set_rules(Vec::new());
    Ok(())
}

async fn count_change_sets(earlier: &EarlierStack) -> Result<usize> {
    let answer = earlier.cloud.cloudformation.list_change_sets().stack_name(&earlier.cloud.stack).send().await;
    Ok(answer.context("the stack's change sets cannot be listed")?.summaries().len())
}

async fn publisher_code(earlier: &EarlierStack) -> Result<Option<String>> {
    let publisher = &earlier.core.publisher;
    let answer = earlier.cloud.lambda.get_function_configuration().function_name(publisher).send().await;
    Ok(answer.with_context(|| format!("the configuration of {publisher} cannot be read"))?.code_sha256)
}

/// Places new orders, and reads any that was accepted, until the deployment has ended.
async fn keep_ordering(earlier: &EarlierStack, args: &SoakArgs, log: &OrderLog, ended: &Cell<bool>) {
    let next = Cell::new(args.orders);
    let client = async |number: usize| {
        let mut random = Rng::with_seed(args.seed ^ (number as u64) << 32);
        while !ended.get() {
            let cart = Cart::new(args.seed, next.replace(next.get() + 1), &earlier.products);
            client::place(&earlier.api, &cart, log, &mut random).await;
            let any = log.with(|outcomes| random.choice(&outcomes.accepted).cloned());
            if let Some(any) = any {
                client::read(&earlier.api, &any, log, &mut random).await;
            }
            sleep(ORDER_INTERVAL).await;
        }
    };
    join_all((0..CLIENTS_DURING_DEPLOYMENT).map(client)).await;
}

fn into_soak_stack(earlier: EarlierStack, deployed: Stack) -> SoakStack {
    let EarlierStack { instance, cloud, api, proxy, recorder, products, .. } = earlier;
    SoakStack { instance, cloud, deployed, api, proxy, recorder, products }
}

/// Enables what is disabled, and redrives what the earlier version has dead-lettered, as an operator would.
async fn finish_work(stack: &SoakStack, log: &OrderLog, report: &mut Report, counts: &mut UpgradeCounts) -> Result<()> {
    // As CHANGELOG.md says: version 0.1.0 did not send the first confirmation of an order to the warehouse.
    let replayed =
        yard::replay::replay(&stack.cloud, &stack.deployed, "warehouse", "OrderConfirmed", None, true).await?;
    progress::show(&format!("replay    {} confirmations to the warehouse", replayed.events));
    counts.ready_picks = ready_picks(&collect_evidence(stack, log.snapshot(), false).await?);
    for consumer in stack.deployed.consumers.iter().filter(|consumer| consumer.mapping_state == "Disabled") {
        set_mapping_enabled(&stack.cloud, consumer, true).await?;
    }
    report.redriven = redrive(stack, &mut report.dead_letters).await?;
    progress::show(&format!(
        "upgraded  in {} s, {} accepted meanwhile; {} dead letters redriven, {} picks ready",
        counts.deployment_seconds, counts.accepted_during, report.redriven, counts.ready_picks
    ));
    Ok(())
}

/// Runs the jobs and repeats the audit until nothing is missing and all is listed, or time is up.
async fn audit_until_complete(stack: &SoakStack, log: &OrderLog, deadline: Instant, report: &mut Report) -> Result<()> {
    let mut missing = None;
    loop {
        report.drained = queues::wait_until_empty(&stack.cloud, &stack.deployed.consumers, deadline).await?;
        report.findings = audit(&collect_evidence(stack, log.snapshot(), true).await?);
        let lost = report.findings.lost.len();
        if lost == 0 || !report.drained || Instant::now() >= deadline {
            return Ok(());
        }
        if missing.replace(lost) != Some(lost) {
            progress::show(&format!("audit     {lost} effects are missing; running the jobs until all is listed"));
        }
        sleep(AUDIT_INTERVAL).await;
        run_jobs(stack).await;
    }
}
