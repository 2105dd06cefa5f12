//! `yard revenue`: shows what was sold, by day, by region and by product.

mod bar;
mod line;
mod report;

use std::io::IsTerminal;

use anyhow::Result;
use clap::Args;

use crate::commands::context::{CommandContext, Completion, JsonArgs, RegionArgs};
use crate::terminal::output::print_result;

pub use crate::commands::revenue::line::RevenueLine;
pub use crate::commands::revenue::report::{DailyRevenue, RevenueReport};

#[derive(Debug, Args)]
pub(crate) struct RevenueArgs {
    /// How many days, today included
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    region: RegionArgs,
}

impl RevenueArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        let (cloud, stack) = context.connect(self.region.region).await?;
        let report = RevenueReport::read(&cloud, &stack, self.days).await?;
        let chart = std::io::stdout().is_terminal();
        print_result(&report, self.json.json, |report| report.render(chart))?;
        Ok(Completion::Done)
    }
}
