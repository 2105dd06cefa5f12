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

use crate::audit::audit;
use crate::calm;
use crate::cart::Cart;
use crate::client::{self, Book};
use crate::mischief::{self, Told};
use crate::options::Options;
use crate::report::{self, Orders, Report};
use crate::shuffle::Shuffle;
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
    let instance = Instance::new(&project, &options.instance)?;
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
    let mut report = Report::new(options);
    match options.shuffle {
        Some(copies) => shuffled(&stage, options, &book, copies, &mut report).await?,
        None => stormy(&stage, options, &book, &mut report).await?,
    }
    report.orders = Orders::of(&book.snapshot());
    report.wrong_answers = book.with(|pages| std::mem::take(&mut pages.wrong));
    report.killed = stage.witness.killed();
    report.consumers = tally::read(&String::from_utf8_lossy(&std::fs::read(stage.instance.log())?));
    report.seconds = started.elapsed().as_secs();
    Ok(report)
}

/// Orders under faults, then an audit under a clear sky.
async fn stormy(stage: &Stage, options: &Options, book: &Book, report: &mut Report) -> Result<()> {
    let deadline = Instant::now() + options.limit();
    let told = Cell::new(Told::default());
    let before = stage.proxy.counts();
    let ended = Box::pin(weather(stage, options, book, &told)).await?;
    report.saw(report::between(&before, stage.proxy.counts()));
    report.told(told.get());
    note(&format!("storm     over ({ended}); waiting for the queues"));
    client::settle(&stage.api, book).await;
    for _ in 0..REDRIVES {
        if !calm::drained(stage, &stage.stack.consumers, deadline).await? {
            break;
        }
        calm::run_jobs(stage).await;
        let back = calm::redrive(stage, &mut report.dead_letters).await?;
        report.redriven += back;
        if back == 0 {
            break;
        }
        note(&format!("redrive   {back} dead letters"));
    }
    let patience = Instant::now() + STREAM;
    loop {
        report.drained = calm::drained(stage, &stage.stack.consumers, deadline).await?;
        report.findings = audit(&calm::evidence(stage, book.snapshot(), false).await?);
        if report.findings.lost.is_empty() || Instant::now() >= patience.min(deadline) {
            return Ok(());
        }
        sleep(Duration::from_secs(2)).await;
        calm::run_jobs(stage).await;
    }
}

/// Every event several times in shuffled order, then all jobs until nothing is left to be done, and an audit.
async fn shuffled(stage: &Stage, options: &Options, book: &Book, copies: u16, report: &mut Report) -> Result<()> {
    let deadline = Instant::now() + options.limit();
    let carts = carts(stage, options);
    let mut shuffle = Shuffle::begin(stage, copies.into(), options.seed).await?;
    client::place_all(&stage.api, &carts, options.clients, book, options.seed, deadline).await;
    note(&format!("orders    {} accepted; no consumer has heard of them", book.with(|pages| pages.accepted.len())));
    let mut missing = 0;
    loop {
        report.drained = shuffle.deliver(deadline).await?;
        calm::redrive(stage, &mut report.dead_letters).await?;
        report.findings = audit(&calm::evidence(stage, book.snapshot(), true).await?);
        report.delivered.clone_from(&shuffle.delivered);
        if report.findings.lost.is_empty() || !report.drained || Instant::now() >= deadline {
            return Ok(());
        }
        if missing != report.findings.lost.len() {
            missing = report.findings.lost.len();
            note(&format!(
                "audit     {missing} effects are still to come; running the jobs until all waves are closed"
            ));
        }
        sleep(Duration::from_secs(5)).await;
        calm::run_jobs(stage).await;
    }
}

fn carts(stage: &Stage, options: &Options) -> Vec<Cart> {
    (0..options.orders).map(|n| Cart::of(options.seed, n, &stage.wares)).collect()
}

/// Orders under faults, until they are placed and most of what follows from them is under way too; or time is up.
async fn weather(stage: &Stage, options: &Options, book: &Book, told: &Cell<Told>) -> Result<&'static str> {
    let carts = carts(stage, options);
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
            let waiting = calm::waiting(stage, &stage.stack.consumers).await.unwrap_or_default();
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

/// Progress goes to stderr; stdout is the report's.
#[allow(clippy::print_stderr)]
fn note(text: &str) {
    eprintln!("{text}");
}
