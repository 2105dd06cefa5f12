//! `yard up` and `yard down`.

use anyhow::{Context, Result, bail};
use aws_sdk_sesv2::Client;

use crate::{Cloud, Instance, Project, Running, Stack, build, deploy, health, progress, seed, tools};

/// How to bring an instance up.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The emulator's port; any free one when none is named.
    pub port: Option<u16>,
    /// Take the binaries that are there.
    pub no_build: bool,
    /// The stack's name.
    pub stack: String,
    /// Where functions call AWS, if not at the emulator itself: at a proxy that stands before it.
    pub functions_endpoint: Option<String>,
    /// Parameters of the template, each `NAME=VALUE`.
    pub parameters: Vec<String>,
}

/// Brings the instance up, or up to date. Does again only what is not done yet.
pub async fn up(project: &Project, instance: &Instance, options: &Options) -> Result<(Cloud, Stack)> {
    let _lock = instance.lock()?;
    tools::install(project).await?;
    if !options.no_build {
        build::build(project).await?;
    }
    let binaries = build::place(project).await?;
    let running = emulator(instance, options).await?;
    deploy::deploy(project, instance, &running, &binaries, &options.parameters).await?;
    let cloud = Cloud::local(&running);
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

async fn emulator(instance: &Instance, options: &Options) -> Result<Running> {
    let step = progress::step("emulator");
    if let Some(running) = instance.running() {
        if options.port.is_some_and(|port| port != running.port) || options.stack != running.stack {
            let Running { port, stack, .. } = running;
            bail!("instance {} is up already, with stack {stack} on port {port}: `yard down` it first", instance.name);
        }
        step.done(format!("already up at {}", running.endpoint()));
        return Ok(running);
    }
    let running = instance.start(&options.stack, options.port, options.functions_endpoint.as_deref()).await?;
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
