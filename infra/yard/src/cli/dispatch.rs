//! Runs the command that the command line names, and turns its result into an exit code.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::cli::args::{Cli, Command};
use crate::cli::exit;
use crate::commands::context::{CommandContext, Completion};
use crate::commands::{down, tools};
use crate::terminal::output::print_note;

/// Runs the command line of this process. An error is printed to stderr.
pub async fn run() -> ExitCode {
    match dispatch(Cli::parse()).await {
        Ok(completion) => ExitCode::from(exit::code_for_completion(completion)),
        Err(error) => {
            print_note(format!("yard: {error:#}"));
            ExitCode::from(exit::code_for(&error))
        }
    }
}

async fn dispatch(Cli { target, command }: Cli) -> Result<Completion> {
    let context = CommandContext::new(target)?;
    match command {
        Command::Up(args) => args.run(&context).await,
        Command::Down => down::run(&context).await,
        Command::Tools => tools::run(&context).await,
        Command::Preflight(args) => args.run(&context).await,
        Command::Cleanup(args) => args.run(&context).await,
        Command::Protection(args) => args.run(&context).await,
        Command::Replay(args) => args.run(&context).await,
        Command::Seed(args) => args.run(&context).await,
        Command::Order(args) => args.run(&context).await,
        Command::Cancel(args) => args.run(&context).await,
        Command::Trace(args) => args.run(&context).await,
        Command::Status(args) => args.run(&context).await,
        Command::Dlq(args) => args.run(&context).await,
        Command::Review(args) => args.run(&context).await,
        Command::Revenue(args) => args.run(&context).await,
        Command::Tax(args) => args.run(&context).await,
        Command::Email(args) => args.run(&context).await,
        Command::Invoke(args) => args.run(&context).await,
    }
}
