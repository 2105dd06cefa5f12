//! `yard up` and `yard down`.

use anyhow::{Context, Result, bail};
use aws_sdk_sesv2::Client;
use clap::Args;

use crate::{Cloud, Instance, Project, RunningInstance, Stack, build, deploy, health, progress, seed, tools};

/// How to bring an instance up.
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

/// Brings the instance up, or up to date. Does again only what is not done yet.
pub async fn up(project: &Project, instance: &Instance, stack_name: &str, args: &UpArgs) -> Result<(Cloud, Stack)> {
    let _lock = instance.lock()?;
    tools::install(project).await?;
    if !args.no_build {
        build::build(project).await?;
    }
    let binaries = build::place(project).await?;
    let running = emulator(instance, stack_name, args).await?;
    deploy::deploy(project, instance, &running, &binaries, &args.parameters).await?;
    let cloud = running.cloud();
    let stack = health::await_ready(&cloud).await.with_context(|| format!("see {}", instance.log().display()))?;
    verify_senders(&cloud.ses, &stack).await?;
    fill(project, &cloud, &stack).await?;
    Ok((cloud, stack))
}

/// Takes the instance down and forgets it. True if it was up.
pub async fn down(instance: &Instance) -> Result<bool> {
    let _lock = instance.lock()?;
    let step = progress::step("down");
    let was_up = instance.stop().await?;
    step.done(if was_up { "the emulator has ended" } else { "nothing was up" });
    Ok(was_up)
}

async fn emulator(instance: &Instance, stack_name: &str, args: &UpArgs) -> Result<RunningInstance> {
    let step = progress::step("emulator");
    if let Some(running) = instance.running() {
        if args.port.is_some_and(|port| port != running.port) || stack_name != running.stack {
            let RunningInstance { port, stack, .. } = running;
            bail!("instance {} is up already, with stack {stack} on port {port}: `yard down` it first", instance.name);
        }
        step.done(format!("already up at {}", running.endpoint()));
        return Ok(running);
    }
    let running = instance.start(stack_name, args.port, args.functions_endpoint.as_deref()).await?;
    step.done(format!("up at {}, log {}", running.endpoint(), instance.log().display()));
    Ok(running)
}

/// SES takes mail only from verified senders. The template's identity is verified at once locally; this covers emulators where it is not.
async fn verify_senders(ses: &Client, stack: &Stack) -> Result<()> {
    let senders: std::collections::BTreeSet<&String> =
        stack.consumers.iter().filter_map(|c| c.sender.as_ref()).collect();
    for sender in senders {
        let known = ses.get_email_identity().email_identity(sender).send().await;
        if !known.is_ok_and(|identity| identity.verified_for_sending_status) {
            let create = ses.create_email_identity().email_identity(sender).send().await;
            create.with_context(|| format!("the sender {sender} cannot be verified"))?;
        }
    }
    Ok(())
}

async fn fill(project: &Project, cloud: &Cloud, stack: &Stack) -> Result<()> {
    let step = progress::step("catalog");
    let products = seed::catalog(project)?;
    let new = seed::seed(cloud, stack, &products).await?;
    step.done(format!("{} products, {new} of them new", products.len()));
    Ok(())
}
