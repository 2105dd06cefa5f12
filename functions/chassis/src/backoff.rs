//! Exponential backoff with full jitter.

use std::time::Duration;

/// A random time from zero to `base × 2^attempt`, at most `cap`. The randomness spreads out callers that failed together.
pub fn full_jitter(base: Duration, attempt: u32, cap: Duration) -> Duration {
    let ceiling = base.saturating_mul(2u32.saturating_pow(attempt)).min(cap);
    ceiling.mul_f64(fastrand::f64())
}

/// How long a message stays invisible after its `receives`th receive failed: from 1 second to 15 minutes.
pub fn visibility(receives: u32) -> Duration {
    full_jitter(Duration::from_secs(2), receives, Duration::from_mins(15)).max(Duration::from_secs(1))
}

/// How long to wait before a write that conflicted with another is retried: at most 400 ms.
pub fn contention(attempt: u32) -> Duration {
    full_jitter(Duration::from_millis(10), attempt, Duration::from_millis(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_jitter_stays_below_its_cap_and_uses_the_range() {
        let waits: Vec<_> =
            (0..1000).map(|_| full_jitter(Duration::from_secs(1), 40, Duration::from_secs(8))).collect();
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(8)));
        assert!(waits.iter().any(|wait| *wait < Duration::from_secs(2)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_secs(6)));
    }

    #[test]
    fn retry_visibility_is_between_1_and_900_seconds() {
        for receives in 0..40 {
            assert!((1..=900).contains(&visibility(receives).as_secs()), "{receives}");
        }
    }
}
