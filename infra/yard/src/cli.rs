//! The command line: what can be asked, whom it is asked of, and the exit code.

#![allow(clippy::print_stdout, reason = "a command's result goes to stdout")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::{Args, Parser, Subcommand};
use futures_util::{StreamExt, stream};
use serde::Serialize;

use crate::exit::{Code, FAILED, NO_STACK, OK};
use crate::order::{Item, Wish};
use crate::status::Status;
use crate::{Cloud, Instance, Project, Stack, api, exit, instance, invoke, progress, seed, tools, trace, up};

/// Orders under way at once with `--count`.
const ORDERS_AT_ONCE: usize = 8;

/// Runs and watches Switchyard, on this machine or on AWS.
#[derive(Debug, Parser)]
#[command(name = "yard", version, after_help = exit::HELP)]
struct Cli {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Target {
    /// The local instance
    #[arg(long, global = true, env = "SWITCHYARD_INSTANCE", default_value = instance::MAIN, value_name = "NAME")]
    instance: String,
    /// Talk to AWS, with the usual chain of credentials
    #[arg(long, global = true)]
    aws: bool,
    /// The stack's name
    #[arg(long, global = true, default_value = "switchyard", value_name = "NAME")]
    stack: String,
    /// The AWS region; plain --region does as well, except with `order`, where that is the customer's
    #[arg(long, global = true, value_name = "REGION")]
    aws_region: Option<String>,
}

#[derive(Debug, Args)]
struct Region {
    /// The AWS region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the local stack up, or up to date
    Up {
        /// The port on 127.0.0.1 [default: 4566, or a free one]
        #[arg(long)]
        port: Option<u16>,
        /// Take the binaries that are there
        #[arg(long)]
        no_build: bool,
    },
    /// Take the local stack down and forget it
    Down,
    /// Install the pinned tools into .venv
    Tools,
    /// Put the products of infra/catalog.json that are not there yet into the orders table
    Seed(Region),
    /// Place orders
    Order(OrderArgs),
    /// Show what each consumer made of an order; exit code 0 only when all are done
    Trace {
        order_id: String,
        /// Wait so long for consumers that are not done yet
        #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
        wait: f64,
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        region: Region,
    },
    /// Show every consumer's queue and dead letters
    Status {
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        region: Region,
    },
    /// Call one deployed function with an event; a bare envelope is wrapped as its queue would wrap it
    Invoke {
        /// Such as tax
        function: String,
        event_file: PathBuf,
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        region: Region,
    },
}

#[derive(Debug, Args)]
struct OrderArgs {
    /// A product and how many of it; may be repeated [default: one to three of the catalog]
    #[arg(long = "sku", value_name = "SKU:QTY")]
    items: Vec<Item>,
    /// [default: a new one]
    #[arg(long)]
    user: Option<String>,
    /// [default: the user at example.com]
    #[arg(long)]
    email: Option<String>,
    /// The state that the goods go to
    #[arg(long, default_value = "CA")]
    region: String,
    #[arg(long, default_value = "94107")]
    postal_code: String,
    /// The same key again gives the same order again
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// How many orders
    #[arg(long, default_value_t = 1)]
    count: usize,
    /// One response object per line
    #[arg(long)]
    json: bool,
}

/// Runs the command line of this process.
pub async fn run() -> ExitCode {
    let outcome = dispatch(Cli::parse()).await;
    ExitCode::from(outcome.unwrap_or_else(|error| {
        progress::note(format!("yard: {error:#}"));
        exit::of(&error)
    }))
}

async fn dispatch(cli: Cli) -> Result<u8> {
    let project = Project::find()?;
    let Cli { target, command } = cli;
    match command {
        Command::Up { port, no_build } => {
            let options = up::Options {
                port,
                no_build,
                stack: target.stack.clone(),
            };
            up::up(&project, &local(&project, &target)?, &options).await.map(|_| OK)
        }
        Command::Down => up::down(&local(&project, &target)?).await.map(|_| OK),
        Command::Tools => tools::install(&project).await.map(|()| OK),
        Command::Seed(Region { region }) => {
            let (cloud, stack) = connect(&project, &target, region).await?;
            let new = seed::seed(&cloud, &stack, &seed::catalog(&project)?).await?;
            println!("{new} new products");
            Ok(OK)
        }
        Command::Order(args) => order(&project, &target, args).await,
        Command::Trace {
            order_id,
            wait,
            json,
            region,
        } => {
            let (cloud, stack) = connect(&project, &target, region.region).await?;
            let patience = Duration::try_from_secs_f64(wait).context("--wait is a number of seconds")?;
            let trace = trace::trace(&cloud, &stack, &order_id, patience).await?;
            show(&trace, json, trace::Trace::render)?;
            Ok(if trace.is_done() { OK } else { FAILED })
        }
        Command::Status { json, region } => {
            let (cloud, stack) = connect(&project, &target, region.region).await?;
            show(&Status::read(&cloud, &stack).await?, json, Status::render)?;
            Ok(OK)
        }
        Command::Invoke {
            function,
            event_file,
            json,
            region,
        } => {
            let event = std::fs::read_to_string(&event_file)
                .with_context(|| format!("{} cannot be read", event_file.display()))?;
            let (cloud, stack) = connect(&project, &target, region.region).await?;
            let outcome = invoke::invoke(&cloud, &stack, &function, &event).await?;
            show(&outcome, json, invoke::Outcome::render)?;
            Ok(if outcome.is_success() { OK } else { FAILED })
        }
    }
}

async fn order(project: &Project, target: &Target, args: OrderArgs) -> Result<u8> {
    let (cloud, stack) = connect(project, target, None).await?;
    let OrderArgs {
        items,
        user,
        email,
        region,
        postal_code,
        idempotency_key,
        count,
        json,
    } = args;
    let wish = Wish {
        items,
        user,
        email,
        region,
        postal_code,
        idempotency_key,
    };
    let (api, catalog): (api::Api, _) = (stack.api(&cloud)?, seed::catalog(project)?);
    let mut answers = stream::iter(0..count)
        .map(|_| wish.place(&api, &catalog))
        .buffer_unordered(ORDERS_AT_ONCE);
    let mut refused = 0;
    while let Some(answer) = answers.next().await {
        let answer = answer?;
        refused += usize::from(!answer.is_success());
        show(&answer, json, crate::order::Answer::line)?;
    }
    Ok(if refused == 0 { OK } else { FAILED })
}

fn show<T: Serialize>(result: &T, json: bool, render: impl Fn(&T) -> String) -> Result<()> {
    let text = if json {
        serde_json::to_string(result).context("the result cannot be written as JSON")?
    } else {
        render(result)
    };
    println!("{text}");
    Ok(())
}

fn local(project: &Project, target: &Target) -> Result<Instance> {
    if target.aws {
        return Err(anyhow!(
            "this is for the local cloud; on AWS, deploy with `make deploy`"
        ));
    }
    Instance::named(project, &target.instance)
}

/// The stack that the command line means. Says on stderr which one that is.
async fn connect(project: &Project, target: &Target, region: Option<String>) -> Result<(Cloud, Stack)> {
    let cloud = if target.aws {
        Cloud::aws(&target.stack, region.or_else(|| target.aws_region.clone())).await?
    } else {
        let running = local(project, target)?.running().ok_or_else(|| {
            let advice = format!(
                "no local instance {} is up: run `make up`, or `yard --instance {0} up`, or pass --aws",
                target.instance
            );
            anyhow!(Code(NO_STACK)).context(advice)
        })?;
        Cloud::local(&running)
    };
    progress::note(format!("on {}", cloud.describe()));
    let stack = Stack::read(&cloud).await?;
    Ok((cloud, stack))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn region_is_the_customers_for_an_order_and_the_accounts_elsewhere() {
        let order =
            Cli::try_parse_from(["yard", "order", "--aws", "--region", "NV", "--aws-region", "eu-west-1"]).unwrap();
        assert_eq!(order.target.aws_region.as_deref(), Some("eu-west-1"));
        assert!(matches!(order.command, Command::Order(OrderArgs { region, .. }) if region == "NV"));
        let status = Cli::try_parse_from(["yard", "status", "--aws", "--region", "eu-west-1"]).unwrap();
        assert!(
            matches!(status.command, Command::Status { region, .. } if region.region.as_deref() == Some("eu-west-1"))
        );
    }
}
