//! The command line.

use std::time::Duration;

use clap::Parser;

use crate::outage::scenario::{OutageService, OutageWay};

/// The shortest and the longest time limit of a run.
const TIME_LIMIT_SECS: (f64, f64) = (10.0, 24.0 * 3600.0);

/// Places orders while faults are injected, and proves that no effect was lost or doubled.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "soak",
    after_help = "Exit code 0: no effect was lost or doubled. 1: at least one was, or the run could not prove it."
)]
pub(crate) struct SoakArgs {
    /// Determines all random choices; printed, so that a run can be repeated
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Orders to place
    #[arg(long, default_value_t = 300)]
    pub(crate) orders: usize,
    /// The time limit in minutes, once the stack is up; faults are injected for at most half of it. With --outage: how
    /// long the outage lasts
    #[arg(long, default_value_t = 4.0)]
    pub(crate) minutes: f64,
    /// The share of calls that fail, bursts not included
    #[arg(long, default_value_t = 0.1)]
    pub(crate) rate: f64,
    /// Instead of injecting faults, deliver this many copies of every event in shuffled order, and wait until all picks
    /// are listed
    #[arg(long, value_name = "COPIES", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) shuffle: Option<u16>,
    /// Instead of injecting faults, deploy this earlier version of the repository (a commit or a tag), leave work
    /// unfinished, and deploy this version over it while orders are placed
    #[arg(long, value_name = "REVISION", conflicts_with = "shuffle")]
    pub(crate) upgrade_from: Option<String>,
    /// Instead of injecting faults, place the orders while this service is out of reach
    #[arg(long, value_name = "SERVICE", conflicts_with_all = ["shuffle", "upgrade_from"])]
    pub(crate) outage: Option<OutageService>,
    /// How the calls fail during the outage
    #[arg(long, requires = "outage", default_value = "hanging")]
    pub(crate) way: OutageWay,
    /// The consumer that loses its table [default: tax]
    #[arg(long, requires = "outage", value_name = "NAME")]
    pub(crate) consumer: Option<String>,
    /// Concurrent clients
    #[arg(long, default_value_t = 8)]
    pub(crate) clients: usize,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The local instance that is brought up for the run, and taken down after it
    #[arg(long, default_value = "soak", value_name = "NAME")]
    pub(crate) instance: String,
    /// Leave the instance up afterwards, without faults
    #[arg(long)]
    pub(crate) keep: bool,
}

impl SoakArgs {
    /// Whether faults are injected at random.
    pub(crate) fn injects_faults(&self) -> bool {
        self.shuffle.is_none() && self.outage.is_none()
    }

    /// How long the whole run may take; with `--outage`, how long the outage lasts.
    pub(crate) fn time_limit(&self) -> Duration {
        let (min, max) = TIME_LIMIT_SECS;
        Duration::from_secs_f64((self.minutes * 60.0).clamp(min, max))
    }

    /// How long faults are injected at most.
    pub(crate) fn fault_phase(&self) -> Duration {
        self.time_limit() / 2
    }
}
