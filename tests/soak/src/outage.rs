//! One service out of reach for minutes while orders are placed: what waits, and how soon everything is done afterwards.
//!
//! * `scenario`: which service, in which way, and the rules of the proxy for it
//! * `alarm`: an alarm of the deployed stack, and whether its condition is met
//! * `delays`: when each consumer applied each event
//! * `outage_run`, `outage_report`: the run, and what it found

pub(crate) mod alarm;
mod delays;
pub(crate) mod outage_report;
pub(crate) mod outage_run;
pub(crate) mod scenario;
