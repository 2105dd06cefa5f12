//! Exponential backoff with full jitter.

use std::time::Duration;

/// A random time between nothing and `base × 2^attempt`, at most `cap`: waiting callers spread out instead of meeting again.
pub fn full_jitter(base: Duration, attempt: u32, cap: Duration) -> Duration {
    let ceiling = base.saturating_mul(2u32.saturating_pow(attempt)).min(cap);
    ceiling.mul_f64(fastrand::f64())
}

/// How long a message stays invisible after its `receives`th receive failed: at most 15 minutes, at least a second.
pub fn visibility(receives: u32) -> Duration {
    full_jitter(Duration::from_secs(2), receives, Duration::from_mins(15)).max(Duration::from_secs(1))
}

/// How long to wait before a write that met another one is tried again: at most 400 ms.
pub fn contention(attempt: u32) -> Duration {
    full_jitter(Duration::from_millis(10), attempt, Duration::from_millis(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_never_passes_its_cap_and_spreads_over_all_of_it() {
        let waits: Vec<_> =
            (0..1000).map(|_| full_jitter(Duration::from_secs(1), 40, Duration::from_secs(8))).collect();
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(8)));
        assert!(waits.iter().any(|wait| *wait < Duration::from_secs(2)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_secs(6)));
    }

    #[test]
    fn a_message_waits_between_one_second_and_fifteen_minutes() {
        for receives in 0..40 {
            assert!((1..=900).contains(&visibility(receives).as_secs()), "{receives}");
        }
    }
}
