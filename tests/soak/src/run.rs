//! A run from beginning to end.

use std::cell::Cell;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};
use yard::{Instance, Project, up};

use crate::audit::{Findings, audit};
use crate::calm::{self, Dead};
use crate::cart::Cart;
use crate::client::{self, Book};
use crate::mischief::{self, Told};
use crate::options::Options;
use crate::report::{self, Report};
use crate::stage::Stage;
use crate::{storm, tally};

/// How long facts may take from a table's stream to the queues when all queues are empty.
const STREAM: Duration = Duration::from_secs(20);

/// How often dead letters are sent back.
const REDRIVES: u32 = 5;

/// Carries out the command line of this process.
pub async fn run() -> ExitCode {
    let options = Options::parse();
    match Box::pin(soak(&options)).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            note(&format!("soak: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs, and takes everything down, whatever happens.
async fn soak(options: &Options) -> Result<bool> {
    let project = Project::find()?;
    let instance = Instance::named(&project, &options.instance)?;
    let mut ended = signal(SignalKind::terminate()).context("SIGTERM cannot be heard")?;
    let outcome = tokio::select! {
        outcome = perform(&project, &instance, options) => outcome,
        _ = tokio::signal::ctrl_c() => bail_interrupted(),
        _ = ended.recv() => bail_interrupted(),
    };
    if !options.keep || outcome.is_err() {
        up::down(&instance).await?;
    }
    let report = outcome?;
    let text = if options.json { serde_json::to_string(&report)? + "\n" } else { report.render() };
    std::io::stdout().write_all(text.as_bytes()).context("stdout cannot be written")?;
    Ok(report.is_good())
}

fn bail_interrupted<T>() -> Result<T> {
    bail!("interrupted")
}

async fn perform(project: &Project, instance: &Instance, options: &Options) -> Result<Report> {
    let stage = Stage::build(project, instance, options).await?;
    let started = Instant::now();
    let book = Book::default();
    let told = Cell::new(Told::default());
    let before = stage.proxy.counts();
    let stormy = Box::pin(weather(&stage, options, &book, &told)).await?;
    let calls = report::between(&before, stage.proxy.counts());
    let storm_seconds = started.elapsed().as_secs();
    note(&format!("storm     over after {storm_seconds} s ({stormy}); waiting for the queues"));
    let deadline = started + options.limit();
    client::settle(&stage.api, &book).await;
    let (mut dead, mut redriven) = (Dead::new(), 0);
    let (drained, findings) = settle(&stage, &book, deadline, &mut dead, &mut redriven).await?;
    let mut report = Report::new(options, &book.snapshot(), calls, told.get());
    report.killed = stage.witness.killed();
    report.consumers = tally::read(&String::from_utf8_lossy(&std::fs::read(stage.instance.log())?));
    (report.dead_letters, report.redriven, report.drained, report.findings) = (dead, redriven, drained, findings);
    report.seconds = [("storm", storm_seconds), ("calm", started.elapsed().as_secs() - storm_seconds)].into();
    Ok(report)
}

/// Orders under faults, until they are placed and most of what follows from them is under way too; or time is up.
async fn weather(stage: &Stage, options: &Options, book: &Book, told: &Cell<Told>) -> Result<&'static str> {
    let carts: Vec<_> = (0..options.orders).map(|n| Cart::of(options.seed, n, options.orders, &stage.wares)).collect();
    let deadline = Instant::now() + options.storm();
    note(&format!(
        "storm     {} orders, seed {}, at most {} s",
        options.orders,
        options.seed,
        options.storm().as_secs()
    ));
    let orders = async {
        client::place_all(&stage.api, &carts, options.clients, book, options.seed, deadline).await;
        note(&format!("orders    {} accepted; working them off under faults", book.with(|pages| pages.accepted.len())));
        loop {
            sleep(Duration::from_secs(1)).await;
            if Instant::now() >= deadline {
                return Ok("time is up");
            }
            if calm::backlog(stage).await? == 0 {
                return Ok("no backlog");
            }
        }
    };
    let jobs = async {
        loop {
            sleep(Duration::from_secs(7)).await;
            calm::run_jobs(stage).await;
        }
    };
    let progress = async {
        loop {
            sleep(Duration::from_secs(10)).await;
            let waiting = calm::waiting(stage).await.unwrap_or_default();
            note(&format!("          {} accepted, {waiting} messages wait", book.with(|pages| pages.accepted.len())));
        }
    };
    tokio::select! {
        ended = orders => ended,
        () = storm::rage(&stage.proxy, &stage.stack.consumers, options) => Ok(""),
        () = mischief::make(stage, book, options.seed, told) => Ok(""),
        () = jobs => Ok(""),
        () = progress => Ok(""),
    }
}

/// Waits, redrives and looks, until nothing is missing any more or time is up. What is missing then is lost.
async fn settle(
    stage: &Stage,
    book: &Book,
    deadline: Instant,
    dead: &mut Dead,
    redriven: &mut u64,
) -> Result<(bool, Findings)> {
    for _ in 0..REDRIVES {
        if !calm::drained(stage, deadline).await? {
            break;
        }
        calm::run_jobs(stage).await;
        let back = calm::redrive(stage, dead).await?;
        *redriven += back;
        if back == 0 {
            break;
        }
        note(&format!("redrive   {back} dead letters"));
    }
    let patience = Instant::now() + STREAM;
    loop {
        let drained = calm::drained(stage, deadline).await?;
        let findings = audit(&calm::evidence(stage, book.snapshot()).await?);
        if findings.lost.is_empty() || Instant::now() >= patience.min(deadline) {
            return Ok((drained, findings));
        }
        sleep(Duration::from_secs(2)).await;
    }
}

/// Progress goes to stderr; stdout is the report's.
#[allow(clippy::print_stderr)]
fn note(text: &str) {
    eprintln!("{text}");
}
