//! `yard dlq`: works with dead letters.

mod redrive;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::commands::context::{CommandContext, Completion};
use crate::commands::dlq::redrive::RedriveArgs;
pub use crate::commands::dlq::redrive::{PublisherRedrive, redrive_publisher};

#[derive(Debug, Args)]
pub(crate) struct DlqArgs {
    #[command(subcommand)]
    command: DlqCommand,
}

#[derive(Debug, Subcommand)]
enum DlqCommand {
    /// Put dead letters back where they came from; without --yes, only show what would be put back
    Redrive(RedriveArgs),
}

impl DlqArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        match self.command {
            DlqCommand::Redrive(args) => args.run(context).await,
        }
    }
}
