//! Polling with a time limit.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The time limit of every wait; long enough for a busy machine with two cores.
pub const TIMEOUT: Duration = Duration::from_mins(1);

const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Polls until the condition holds. Panics with `what` after [`TIMEOUT`].
pub async fn wait_until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !condition().await {
        assert!(Instant::now() < deadline, "timeout after {} s while waiting until {what}", TIMEOUT.as_secs());
        sleep(POLL_INTERVAL).await;
    }
}
