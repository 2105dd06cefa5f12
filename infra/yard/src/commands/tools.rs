//! `yard tools`: installs the pinned Python tools.

use anyhow::Result;

use crate::commands::context::{CommandContext, Completion};
use crate::local::venv;

pub(crate) async fn run(context: &CommandContext) -> Result<Completion> {
    venv::install(&context.project).await?;
    Ok(Completion::Done)
}
