//! The command line.

use std::time::Duration;

use clap::Parser;

/// Places orders while faults fire, and proves that nothing was lost or done twice.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "soak",
    after_help = "Exit code 0: nothing lost, nothing twice. 1: something was, or could not be shown."
)]
pub(crate) struct Options {
    /// What chance does; printed, so that a run can be made again
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Orders to place
    #[arg(long, default_value_t = 300)]
    pub(crate) orders: usize,
    /// The most minutes that all of it takes, once the stack is up; faults fire for at most half of them
    #[arg(long, default_value_t = 4.0)]
    pub(crate) minutes: f64,
    /// The share of calls that a fault befalls, bursts apart
    #[arg(long, default_value_t = 0.1)]
    pub(crate) rate: f64,
    /// Instead of making faults, deliver every event so many times, in shuffled order, and wait for all waves to be closed
    #[arg(long, value_name = "COPIES", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) shuffle: Option<u16>,
    /// Clients at once
    #[arg(long, default_value_t = 8)]
    pub(crate) clients: usize,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The local instance that is brought up for it, and taken down after it
    #[arg(long, default_value = "soak", value_name = "NAME")]
    pub(crate) instance: String,
    /// Leave the instance up afterwards, without faults
    #[arg(long)]
    pub(crate) keep: bool,
}

impl Options {
    /// When everything must have ended.
    pub(crate) fn limit(&self) -> Duration {
        Duration::from_secs_f64((self.minutes * 60.0).clamp(10.0, 24.0 * 3600.0))
    }

    /// How long faults fire at most.
    pub(crate) fn storm(&self) -> Duration {
        self.limit() / 2
    }
}
