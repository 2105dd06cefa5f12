//! The command line's grammar.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::order::Wish;
use crate::up::UpArgs;
use crate::{exit, instance};

/// Runs and watches Switchyard, on this machine or on AWS.
#[derive(Debug, Parser)]
#[command(name = "yard", version, after_help = exit::HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The local instance
    #[arg(long, global = true, env = "SWITCHYARD_INSTANCE", default_value = instance::MAIN, value_name = "NAME")]
    pub(crate) instance: String,
    /// Talk to AWS, with the usual chain of credentials
    #[arg(long, global = true)]
    pub(crate) aws: bool,
    /// The stack's name
    #[arg(long, global = true, default_value = "switchyard", value_name = "NAME")]
    pub(crate) stack: String,
    /// The AWS region; plain --region does as well, except with `order`, where that is the customer's
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) aws_region: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Region {
    /// The AWS region
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Json {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring the local stack up, or up to date
    Up(UpArgs),
    /// Take the local stack down and forget it
    Down,
    /// Install the pinned tools into .venv
    Tools,
    /// Put the products of infra/catalog.json that are not there yet into the orders table
    Seed {
        #[command(flatten)]
        region: Region,
    },
    /// Place orders; with --json one response object per line
    Order {
        #[command(flatten)]
        wish: Wish,
        /// How many orders
        #[arg(long, default_value_t = 1)]
        count: usize,
        #[command(flatten)]
        json: Json,
    },
    /// Show what each consumer made of an order; exit code 0 only when all are done
    Trace {
        order_id: String,
        /// Wait so long for consumers that are not done yet
        #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
        wait: f64,
        #[command(flatten)]
        json: Json,
        #[command(flatten)]
        region: Region,
    },
    /// Show every consumer's queue and dead letters
    Status {
        #[command(flatten)]
        json: Json,
        #[command(flatten)]
        region: Region,
    },
    /// Show what was sold, day by day (UTC), by region and by product
    Revenue {
        /// How many days, today included
        #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=366))]
        days: u16,
        #[command(flatten)]
        json: Json,
        #[command(flatten)]
        region: Region,
    },
    /// Show what was sold into each US state, and how near its economic-nexus threshold is
    Tax {
        /// The calendar year [default: this one]
        #[arg(long, value_parser = clap::value_parser!(i16).range(2018..=9999))]
        year: Option<i16>,
        #[command(flatten)]
        json: Json,
        #[command(flatten)]
        region: Region,
    },
    /// Show the confirmation that was sent for an order; SES keeps no copy, so on AWS only when, and its reference
    Email {
        order_id: String,
        /// Write the HTML part to a file, to be looked at in a browser
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        #[command(flatten)]
        json: Json,
        #[command(flatten)]
        region: Region,
    },
    /// Call one deployed function with an event; a bare envelope is wrapped as its queue would wrap it
    Invoke {
        /// Such as tax
        function: String,
        event_file: PathBuf,
        #[command(flatten)]
        json: Json,
        #[command(flatten)]
        region: Region,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn region_is_the_customers_for_an_order_and_the_accounts_elsewhere() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap();
        let order = parse("yard order --aws --region NV --aws-region eu-west-1");
        assert_eq!(order.target.aws_region.as_deref(), Some("eu-west-1"));
        assert!(matches!(order.command, Command::Order { wish, .. } if wish.region == "NV"));
        let Command::Status { region, .. } = parse("yard status --aws --region eu-west-1").command else {
            panic!("not understood as status");
        };
        assert_eq!(region.region.as_deref(), Some("eu-west-1"));
    }
}
