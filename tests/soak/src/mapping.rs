//! Turns the delivery of a consumer's messages on and off.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::sleep;
use yard::{Cloud, Consumer};

/// After a mapping was disabled, a poll that had begun may still receive messages for this time.
const POLL_END: Duration = Duration::from_millis(1500);

/// Turns the event source mapping of a consumer on or off.
pub(crate) async fn set_mapping_enabled(cloud: &Cloud, consumer: &Consumer, enabled: bool) -> Result<()> {
    let update = cloud.lambda.update_event_source_mapping().uuid(&consumer.mapping).enabled(enabled);
    update.send().await.with_context(|| format!("the mapping of {} cannot be changed", consumer.name))?;
    sleep(POLL_END).await;
    Ok(())
}
