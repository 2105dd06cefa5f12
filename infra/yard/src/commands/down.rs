//! `yard down`: takes the local instance down and forgets it.

use anyhow::Result;

use crate::commands::context::{CommandContext, Completion};
use crate::commands::up;

pub(crate) async fn run(context: &CommandContext) -> Result<Completion> {
    up::down(&context.instance()?).await?;
    Ok(Completion::Done)
}
