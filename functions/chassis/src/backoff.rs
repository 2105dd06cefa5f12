//! Exponential backoff with full jitter.

use std::time::Duration;

/// A random time from zero to `base × 2^attempt`, at most `cap`. The randomness spreads out callers that failed together.
pub fn full_jitter(base: Duration, attempt: u32, cap: Duration) -> Duration {
    let ceiling = base.saturating_mul(2u32.saturating_pow(attempt)).min(cap);
    ceiling.mul_f64(fastrand::f64())
}

/// How long a message of this age stays invisible before its next receive: a random time up to a tenth of its age, at least 2
/// seconds, at most 15 minutes. So the wait grows with the outage, and an outage that has ended is noticed within a tenth of its
/// length.
pub fn visibility(age: Duration) -> Duration {
    const MIN: Duration = Duration::from_secs(2);
    const MAX: Duration = Duration::from_mins(15);
    (age / 10).min(MAX).mul_f64(fastrand::f64()).max(MIN)
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
    fn retry_visibility_is_between_2_and_900_seconds() {
        for hours in 0..100 {
            let wait = visibility(Duration::from_hours(hours));
            assert!((2..=900).contains(&wait.as_secs()), "{wait:?} at {hours} h");
        }
        assert_eq!(visibility(Duration::from_secs(5)), Duration::from_secs(2));
    }
}
