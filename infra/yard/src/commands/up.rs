//! `yard up`: brings the local instance up, or up to date. Also takes it down.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use aws_sdk_sesv2::Client;
use clap::Args;

use crate::aws::clients::Cloud;
use crate::commands::context::{CommandContext, Completion};
use crate::commands::seed;
use crate::local::instance::{Instance, RunningInstance};
use crate::local::project::Project;
use crate::local::{build, deploy, emulator, health, venv};
use crate::stack::deployed::Stack;
use crate::terminal::progress::Step;

#[derive(Debug, Clone, Default, Args)]
pub struct UpArgs {
    /// The port on 127.0.0.1 [default: 4566, or a free one]
    #[arg(long)]
    pub port: Option<u16>,
    /// Take the binaries that are there
    #[arg(long)]
    pub no_build: bool,
    /// Where functions call AWS, if not at the local cloud itself: the address of a proxy before it
    #[arg(long, value_name = "URL")]
    pub functions_endpoint: Option<String>,
    /// A parameter of the template, such as Schedules=DISABLED; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    pub parameters: Vec<String>,
}

impl UpArgs {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<Completion> {
        up(&context.project, &context.instance()?, &context.target.stack, self).await?;
        Ok(Completion::Done)
    }
}

/// Brings the instance up, or up to date. A step whose result is there already is skipped.
pub async fn up(project: &Project, instance: &Instance, stack_name: &str, args: &UpArgs) -> Result<(Cloud, Stack)> {
    let _lock = instance.lock()?;
    venv::install(project).await?;
    if !args.no_build {
        build::build(project).await?;
    }
    let binaries = build::install_binaries(project).await?;
    let running = ensure_running(project, instance, stack_name, args).await?;
    deploy::deploy(project, instance, &running, &binaries, &args.parameters).await?;
    let cloud = running.cloud();
    let stack = health::await_ready(&cloud).await.with_context(|| format!("see {}", instance.log().display()))?;
    verify_senders(&cloud.ses, &stack).await?;
    seed_catalog(project, &cloud, &stack).await?;
    Ok((cloud, stack))
}

/// Takes the instance down and removes its state. True if it was up.
pub async fn down(instance: &Instance) -> Result<bool> {
    let _lock = instance.lock()?;
    let step = Step::new("down");
    let was_up = emulator::stop(instance).await?;
    step.done(if was_up { "the emulator has ended" } else { "nothing was up" });
    Ok(was_up)
}

/// The running emulator, started if need be. Fails if it runs with another port or another stack than wanted.
async fn ensure_running(
    project: &Project,
    instance: &Instance,
    stack_name: &str,
    args: &UpArgs,
) -> Result<RunningInstance> {
    let step = Step::new("emulator");
    if let Some(running) = instance.running() {
        if args.port.is_some_and(|port| port != running.port) || stack_name != running.stack {
            let RunningInstance { port, stack, .. } = running;
            bail!("instance {} is up already, with stack {stack} on port {port}: `yard down` it first", instance.name);
        }
        step.done(format!("already up at {}", running.endpoint()));
        return Ok(running);
    }
    let endpoint = args.functions_endpoint.as_deref();
    let running = emulator::start(project, instance, stack_name, args.port, endpoint).await?;
    step.done(format!("up at {}, log {}", running.endpoint(), instance.log().display()));
    Ok(running)
}

/// SES sends only from verified addresses. Locally the template's identity is verified on creation; this covers emulators that do not
/// verify it.
async fn verify_senders(ses: &Client, stack: &Stack) -> Result<()> {
    let senders: BTreeSet<&String> = stack.consumers.iter().filter_map(|consumer| consumer.sender.as_ref()).collect();
    for sender in senders {
        let known = ses.get_email_identity().email_identity(sender).send().await;
        if !known.is_ok_and(|identity| identity.verified_for_sending_status) {
            let create = ses.create_email_identity().email_identity(sender).send().await;
            create.with_context(|| format!("the sender {sender} cannot be verified"))?;
        }
    }
    Ok(())
}

async fn seed_catalog(project: &Project, cloud: &Cloud, stack: &Stack) -> Result<()> {
    let step = Step::new("catalog");
    let products = seed::read_catalog(project)?;
    let new = seed::seed(cloud, stack, &products).await?;
    step.done(format!("{} products, {new} of them new", products.len()));
    Ok(())
}
