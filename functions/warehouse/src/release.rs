//! Closes waves whose time is over, and releases them.

use serde_json::{Value as Json, json};
use switchyard_chassis::{Env, Failure, Job, Scheduled};

/// The job that closes waves.
pub struct ReleaseWaves;

impl ReleaseWaves {
    /// Needs no configuration of its own.
    pub fn from_env(_: &mut Env) -> Self {
        Self
    }
}

impl Scheduled for ReleaseWaves {
    const NAME: &'static str = "warehouse-wave";
    const PRODUCER: &'static str = "warehouse";

    async fn run(&self, _job: &Job) -> Result<Json, Failure> {
        Ok(json!({}))
    }
}
