//! `yard review`: shows the flagged orders that wait for a review, and decides about them.

mod decide;
mod list;

use anyhow::Result;
use clap::{Args, Subcommand};
use fraud::Verdict;

use crate::commands::context::{CommandContext, Completion};
use crate::commands::review::decide::DecideArgs;
use crate::commands::review::list::ListArgs;

pub use crate::commands::review::decide::{ReviewFinding, ReviewReport, decide};

#[derive(Debug, Args)]
pub(crate) struct ReviewArgs {
    #[command(subcommand)]
    command: ReviewCommand,
}

#[derive(Debug, Subcommand)]
enum ReviewCommand {
    /// Show the flagged orders that wait for a review, oldest first
    List(ListArgs),
    /// Let a flagged order be fulfilled
    Confirm(DecideArgs),
    /// Let a flagged order be cancelled
    Reject(DecideArgs),
}

impl ReviewArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        match self.command {
            ReviewCommand::List(args) => args.run(context).await,
            ReviewCommand::Confirm(args) => args.run(context, Verdict::Confirmed).await,
            ReviewCommand::Reject(args) => args.run(context, Verdict::Rejected).await,
        }
    }
}
