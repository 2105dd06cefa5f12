//! The command line's grammar.

use clap::{Parser, Subcommand};

use crate::cli::exit;
use crate::commands::cancel::CancelArgs;
use crate::commands::cleanup::CleanupArgs;
use crate::commands::context::TargetArgs;
use crate::commands::dlq::DlqArgs;
use crate::commands::email::EmailArgs;
use crate::commands::invoke::InvokeArgs;
use crate::commands::order::OrderArgs;
use crate::commands::preflight::PreflightArgs;
use crate::commands::protection::ProtectionArgs;
use crate::commands::replay::ReplayArgs;
use crate::commands::revenue::RevenueArgs;
use crate::commands::review::ReviewArgs;
use crate::commands::seed::SeedArgs;
use crate::commands::status::StatusArgs;
use crate::commands::tax::TaxArgs;
use crate::commands::trace::TraceArgs;
use crate::commands::up::UpArgs;

/// Runs and watches Switchyard, on this machine or on AWS.
#[derive(Debug, Parser)]
#[command(name = "yard", version, after_help = exit::HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring the local stack up, or up to date
    Up(UpArgs),
    /// Take the local stack down and forget it
    Down,
    /// Install the pinned tools into .venv
    Tools,
    /// Check what would fail or hurt in a deployment: quotas, mail, tables of an earlier stack; exit code 1 if it would fail
    Preflight(PreflightArgs),
    /// Delete the stack on AWS if its first deployment failed, so that it can be deployed again; asks first
    Cleanup(CleanupArgs),
    /// Check whether the tables of orders and tax refuse to be deleted; exit code 1 if the next deployment should protect them
    Protection(ProtectionArgs),
    /// Put the products of infra/catalog.json that are not there yet into the orders table
    Seed(SeedArgs),
    /// Place orders; with --json one response object per line
    Order(OrderArgs),
    /// Cancel an order in place of its owner; exit code 0 only when it is cancelled
    Cancel(CancelArgs),
    /// Show what each consumer made of an order; exit code 0 only when all are done
    Trace(TraceArgs),
    /// Show every consumer's queue and dead letters
    Status(StatusArgs),
    /// Work with dead letters
    Dlq(DlqArgs),
    /// Send stored events of one type to one consumer's queue again; without --yes only count them
    Replay(ReplayArgs),
    /// Show the flagged orders that wait for a review, and confirm or reject them
    Review(ReviewArgs),
    /// Show what was sold, day by day (UTC), by region and by product
    Revenue(RevenueArgs),
    /// Show what was sold into each US state, and how near its economic-nexus threshold is
    Tax(TaxArgs),
    /// Show the last mail that was sent for an order; SES keeps no copy, so on AWS only when, and its reference
    Email(EmailArgs),
    /// Call one deployed function with an event; a bare envelope is wrapped as its queue would wrap it
    Invoke(InvokeArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_grammar_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn region_option_is_customers_state_only_for_order() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap();
        let order = parse("yard order --aws --region NV --aws-region eu-west-1");
        assert_eq!(order.target.aws_region.as_deref(), Some("eu-west-1"));
        assert!(matches!(order.command, Command::Order(order) if order.region == "NV"));
        let Command::Status(StatusArgs { region, .. }) = parse("yard status --aws --region eu-west-1").command else {
            panic!("not parsed as status");
        };
        assert_eq!(region.region.as_deref(), Some("eu-west-1"));
    }
}
