//! `yard tax`: shows what was sold into each state, and how near its economic-nexus threshold is.

mod report;
mod state_line;
mod state_nexus;
#[cfg(test)]
mod tests;

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::commands::context::{CommandContext, Completion, JsonArgs, RegionArgs};
use crate::terminal::output::print_result;

pub use crate::commands::tax::report::TaxReport;
pub use crate::commands::tax::state_line::StateTaxLine;
pub use crate::commands::tax::state_nexus::StateNexus;

#[derive(Debug, Args)]
pub(crate) struct TaxArgs {
    /// The calendar year [default: this one]
    #[arg(long, value_parser = clap::value_parser!(i16).range(2018..=9999))]
    year: Option<i16>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    region: RegionArgs,
}

impl TaxArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        let (cloud, stack) = context.connect(self.region.region).await?;
        let year = self.year.unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC).year());
        print_result(&TaxReport::read(&cloud, &stack, year).await?, self.json.json, TaxReport::render)?;
        Ok(Completion::Done)
    }
}
