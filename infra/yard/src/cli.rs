//! Carrying out a command line: whom it is asked of, what is printed, and the exit code.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::args::{Cli, Command, Json, Region, Target};
use crate::email::Confirmation;
use crate::exit::{self, FAILED, NO_STACK, OK};
use crate::invoke::Outcome;
use crate::order::{Answer, Wish};
use crate::status::Status;
use crate::trace::Trace;
use crate::{Cloud, Instance, Project, Stack, invoke, progress, revenue, seed, tax, tools, trace, up};

/// Orders under way at once with `--count`.
const ORDERS_AT_ONCE: usize = 8;

/// Runs the command line of this process.
pub async fn run() -> ExitCode {
    let outcome = dispatch(Cli::parse()).await;
    ExitCode::from(outcome.unwrap_or_else(|error| {
        progress::note(format!("yard: {error:#}"));
        exit::code_for(&error)
    }))
}

async fn dispatch(Cli { target, command }: Cli) -> Result<u8> {
    let asked = Asked { project: Project::find()?, target };
    match command {
        Command::Up(args) => up::up(&asked.project, &asked.instance()?, &asked.target.stack, &args).await.map(|_| OK),
        Command::Down => up::down(&asked.instance()?).await.map(|_| OK),
        Command::Tools => tools::install(&asked.project).await.map(|()| OK),
        Command::Seed { region } => asked.seed(region).await,
        Command::Order { wish, count, json } => asked.order(wish, count, json).await,
        Command::Trace { order_id, wait, json, region } => asked.trace(&order_id, wait, json, region).await,
        Command::Status { json, region } => asked.status(json, region).await,
        Command::Revenue { days, json, region } => asked.revenue(days, json, region).await,
        Command::Tax { year, json, region } => asked.tax(year, json, region).await,
        Command::Email { order_id, html, json, region } => asked.email(&order_id, html.as_deref(), json, region).await,
        Command::Invoke { function, event_file, json, region } => {
            asked.invoke(&function, &event_file, json, region).await
        }
    }
}

/// Where the command was given, and whom it is for.
struct Asked {
    project: Project,
    target: Target,
}

impl Asked {
    async fn seed(&self, region: Region) -> Result<u8> {
        let (cloud, stack) = self.connect(region.region).await?;
        let new = seed::seed(&cloud, &stack, &seed::catalog(&self.project)?).await?;
        print(&format!("{new} new products"))?;
        Ok(OK)
    }

    async fn order(&self, wish: Wish, count: usize, json: Json) -> Result<u8> {
        let (cloud, stack) = self.connect(None).await?;
        let (api, catalog) = (stack.api(&cloud)?, seed::catalog(&self.project)?);
        let orders = stream::iter(0..count).map(|_| wish.place(&api, &catalog));
        let mut answers = orders.buffer_unordered(ORDERS_AT_ONCE);
        let mut refused = 0;
        while let Some(answer) = answers.next().await {
            let answer = answer?;
            refused += usize::from(!answer.is_success());
            show(&answer, &json, Answer::line)?;
        }
        Ok(if refused == 0 { OK } else { FAILED })
    }

    async fn trace(&self, order_id: &str, wait: f64, json: Json, region: Region) -> Result<u8> {
        let patience = Duration::try_from_secs_f64(wait).context("--wait takes a number of seconds")?;
        let (cloud, stack) = self.connect(region.region).await?;
        let trace = trace::trace_order(&cloud, &stack, order_id, patience).await?;
        show(&trace, &json, Trace::render)?;
        Ok(if trace.is_done() { OK } else { FAILED })
    }

    async fn status(&self, json: Json, region: Region) -> Result<u8> {
        let (cloud, stack) = self.connect(region.region).await?;
        show(&Status::read(&cloud, &stack).await?, &json, Status::render)?;
        Ok(OK)
    }

    async fn revenue(&self, days: u16, json: Json, region: Region) -> Result<u8> {
        let (cloud, stack) = self.connect(region.region).await?;
        let chart = std::io::stdout().is_terminal();
        show(&revenue::RevenueReport::read(&cloud, &stack, days).await?, &json, |report| report.render(chart))?;
        Ok(OK)
    }

    async fn tax(&self, year: Option<i16>, json: Json, region: Region) -> Result<u8> {
        let (cloud, stack) = self.connect(region.region).await?;
        let year = year.unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC).year());
        show(&tax::TaxReport::read(&cloud, &stack, year).await?, &json, tax::TaxReport::render)?;
        Ok(OK)
    }

    async fn email(&self, order_id: &str, html: Option<&Path>, json: Json, region: Region) -> Result<u8> {
        let (cloud, stack) = self.connect(region.region).await?;
        let confirmation = Confirmation::read(&cloud, &stack, order_id).await?;
        show(&confirmation, &json, Confirmation::render)?;
        if let Some(file) = html {
            confirmation.save_html(file)?;
        }
        Ok(OK)
    }

    async fn invoke(&self, function: &str, event_file: &Path, json: Json, region: Region) -> Result<u8> {
        let unreadable = || format!("the event file {} cannot be read", event_file.display());
        let event = std::fs::read_to_string(event_file).with_context(unreadable)?;
        let (cloud, stack) = self.connect(region.region).await?;
        let outcome = invoke::invoke(&cloud, &stack, function, &event).await?;
        show(&outcome, &json, Outcome::render)?;
        Ok(if outcome.is_success() { OK } else { FAILED })
    }

    fn instance(&self) -> Result<Instance> {
        if self.target.aws {
            bail!("this is for the local cloud; on AWS, `make deploy` brings the stack up to date");
        }
        Instance::new(&self.project, &self.target.instance)
    }

    /// The stack that the command is for. Says on stderr which one that is.
    async fn connect(&self, region: Option<String>) -> Result<(Cloud, Stack)> {
        let Target { instance, aws, stack, aws_region } = &self.target;
        let cloud = if *aws {
            Cloud::aws(stack, region.or_else(|| aws_region.clone())).await?
        } else {
            let advice = format!("no local instance {instance} is up: run `make up`, or pass --aws");
            self.instance()?.running().ok_or_else(|| exit::with(NO_STACK, advice))?.cloud()
        };
        progress::note(format!("on {}", cloud.describe()));
        let stack = Stack::read(&cloud).await?;
        Ok((cloud, stack))
    }
}

fn show<T: Serialize>(result: &T, json: &Json, render: impl Fn(&T) -> String) -> Result<()> {
    if json.json {
        print(&serde_json::to_string(result).context("the result cannot be written as JSON")?)
    } else {
        print(&render(result))
    }
}

/// To stdout. Whoever reads it may have read enough (`yard … | head`).
fn print(text: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("stdout cannot be written"),
        _ => Ok(()),
    }
}
