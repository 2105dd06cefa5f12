//! A run from beginning to end.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use yard::{Instance, Project, up};

use crate::args::SoakArgs;
use crate::earlier_version::EarlierVersion;
use crate::log_totals::LogTotals;
use crate::order_log::OrderLog;
use crate::outage::outage_run;
use crate::report::Report;
use crate::soak_stack::SoakStack;
use crate::{fault_run, progress, shuffle_run, upgrade_run};

/// Runs as the command line of this process says.
pub async fn run() -> ExitCode {
    let args = SoakArgs::parse();
    match Box::pin(run_and_report(&args)).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            progress::show(&format!("soak: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The end of a run.
struct Conclusion {
    is_good: bool,
    /// The report.
    text: String,
}

/// Prints the report, and returns whether it is good. Takes the instance down after errors and interrupts, too.
async fn run_and_report(args: &SoakArgs) -> Result<bool> {
    let project = Project::find()?;
    let earlier = match &args.upgrade_from {
        Some(revision) => Some(EarlierVersion::check_out(&project, revision).await?),
        None => None,
    };
    let instance = Instance::new(&project, &args.instance)?;
    let instance = earlier.as_ref().map_or(instance, |version| version.instance(&args.instance));
    let mut terminated = signal(SignalKind::terminate()).context("no handler for SIGTERM can be installed")?;
    let outcome = tokio::select! {
        outcome = perform(&project, &instance, earlier.as_ref(), args) => outcome,
        _ = tokio::signal::ctrl_c() => bail_interrupted(),
        _ = terminated.recv() => bail_interrupted(),
    };
    if !args.keep || outcome.is_err() {
        up::down(&instance).await?;
    }
    let Conclusion { is_good, text } = outcome?;
    std::io::stdout().write_all(text.as_bytes()).context("stdout cannot be written")?;
    Ok(is_good)
}

fn bail_interrupted<T>() -> Result<T> {
    bail!("interrupted")
}

async fn perform(
    project: &Project,
    instance: &Instance,
    earlier: Option<&EarlierVersion>,
    args: &SoakArgs,
) -> Result<Conclusion> {
    let log = OrderLog::default();
    if let Some(service) = args.outage {
        let stack = SoakStack::start(project, instance, args).await?;
        let report = Box::pin(outage_run::run(&stack, args, service, &log)).await?;
        let text = if args.json { report.to_json()? + "\n" } else { report.render() };
        return Ok(Conclusion { is_good: report.is_good(), text });
    }
    let mut report = Report::new(args);
    let started = Instant::now();
    let stack = match earlier {
        Some(version) => Box::pin(upgrade_run::run(project, instance, version, args, &log, &mut report)).await?,
        None => run_on_new_stack(project, instance, args, &log, &mut report).await?,
    };
    report.set_orders(log.snapshot());
    report.killed = stack.recorder.killed();
    let cloud_log = std::fs::read(stack.instance.log()).context("the log of the local cloud cannot be read")?;
    report.consumers = LogTotals::from_log(&String::from_utf8_lossy(&cloud_log));
    report.seconds = started.elapsed().as_secs();
    let text = if args.json { serde_json::to_string(&report)? + "\n" } else { report.render() };
    Ok(Conclusion { is_good: report.is_good(), text })
}

async fn run_on_new_stack(
    project: &Project,
    instance: &Instance,
    args: &SoakArgs,
    log: &OrderLog,
    report: &mut Report,
) -> Result<SoakStack> {
    let stack = SoakStack::start(project, instance, args).await?;
    match args.shuffle {
        Some(copies) => shuffle_run::run(&stack, args, copies, log, report).await?,
        None => fault_run::run(&stack, args, log, report).await?,
    }
    Ok(stack)
}
