//! `yard cleanup`: deletes the stack if its first deployment failed. CloudFormation allows nothing else with such a stack.

use std::io::{BufRead, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::time::{Instant, sleep};

use crate::aws::clients::Cloud;
use crate::commands::context::{CommandContext, Completion, RegionArgs};
use crate::stack::deployed::{is_failed_create, read_status};
use crate::terminal::output::print_note;

/// How long CloudFormation may take to delete what is left of the stack.
const DELETE_TIMEOUT: Duration = Duration::from_mins(15);
const POLL_INTERVAL: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(crate) struct CleanupArgs {
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    region: RegionArgs,
}

impl CleanupArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        let cloud = context.cloud(self.region.region).await?;
        let Some(status) = read_status(&cloud).await?.filter(|status| is_failed_create(status)) else {
            print_note("nothing to clean up");
            return Ok(Completion::Done);
        };
        let question = format!("{} is in {status}: it can only be deleted. Delete it? [y/N] ", cloud.describe());
        if !self.yes && !ask(&question, &mut std::io::stdin().lock())? {
            bail!("the stack is left as it is; nothing can be deployed to it");
        }
        delete(&cloud).await?;
        print_note("deleted");
        Ok(Completion::Done)
    }
}

/// True only for a clear yes. The end of the input is a no.
fn ask(question: &str, input: &mut impl BufRead) -> Result<bool> {
    let mut stderr = std::io::stderr();
    write!(stderr, "{question}").and_then(|()| stderr.flush()).context("stderr cannot be written")?;
    let mut answer = String::new();
    input.read_line(&mut answer).context("the answer cannot be read")?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

async fn delete(cloud: &Cloud) -> Result<()> {
    let request = cloud.cloudformation.delete_stack().stack_name(&cloud.stack);
    request.send().await.with_context(|| format!("{} cannot be deleted", cloud.describe()))?;
    let deadline = Instant::now() + DELETE_TIMEOUT;
    while let Some(status) = read_status(cloud).await?.filter(|status| status != "DELETE_COMPLETE") {
        if status == "DELETE_FAILED" {
            bail!("{} is in {status}: CloudFormation's console says why", cloud.describe());
        }
        if Instant::now() >= deadline {
            bail!("{} is still in {status} after {} s", cloud.describe(), DELETE_TIMEOUT.as_secs());
        }
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleanup_deletes_only_after_a_clear_yes() {
        for (answer, expected) in
            [("y\n", true), ("Yes\n", true), ("", false), ("\n", false), ("n\n", false), ("yep", false)]
        {
            assert_eq!(ask("", &mut answer.as_bytes()).unwrap(), expected, "{answer:?}");
        }
    }
}
