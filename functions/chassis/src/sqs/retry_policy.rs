//! When a message is delivered again, and when it goes to the dead-letter queue: by cause and age, not by the number of receives.

use std::time::Duration;

use crate::{Env, Failure, backoff};

/// The limits of retrying.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// The age at which a message that the environment keeps from being applied goes to the dead-letter queue.
    pub max_message_age: Duration,
    /// The receive at which a message whose handler panics goes to the dead-letter queue.
    pub max_panic_receives: u32,
}

/// What to do with a message that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryAction {
    /// Deliver it again after this time.
    Redeliver(Duration),
    /// Move it to the dead-letter queue.
    DeadLetter,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_message_age: Duration::from_hours(72), max_panic_receives: 5 }
    }
}

impl RetryPolicy {
    /// Reads `MAX_MESSAGE_AGE_HOURS` (default 72) and `MAX_PANIC_RECEIVES` (default 5).
    pub fn from_env(env: &mut Env) -> Self {
        Self {
            max_message_age: Duration::from_hours(env.or("MAX_MESSAGE_AGE_HOURS", 72)),
            max_panic_receives: env.or("MAX_PANIC_RECEIVES", 5),
        }
    }

    /// Decides by the cause. `age` is the time since the message was sent to its queue.
    pub(crate) fn decide(&self, failure: &Failure, age: Duration, receive_count: u32) -> RetryAction {
        match failure {
            Failure::Reject { .. } => RetryAction::DeadLetter,
            Failure::Panic { .. } if receive_count >= self.max_panic_receives => RetryAction::DeadLetter,
            _ if age >= self.max_message_age => RetryAction::DeadLetter,
            Failure::Retry { after: Some(wait), .. } => RetryAction::Redeliver(*wait),
            Failure::Retry { after: None, .. } | Failure::Panic { .. } => {
                RetryAction::Redeliver(backoff::visibility(age))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn retry_policy_decides_by_cause_and_age() {
        let policy = RetryPolicy::default();
        let retry = Failure::retry("DynamoDB PutItem: AccessDeniedException");
        let panic = Failure::Panic { reason: "the handler panicked".into() };
        let reject = Failure::reject("unknown_version", "version 9");
        let cases = [
            (&reject, 0, 1, true),
            (&retry, 0, 1, false),
            (&retry, 1, 900, false),
            (&retry, 71, 700, false),
            (&retry, 72, 2, true),
            (&panic, 0, 4, false),
            (&panic, 0, 5, true),
            (&panic, 72, 1, true),
        ];
        for (failure, hours, receives, expected) in cases {
            let action = policy.decide(failure, HOUR * hours, receives);
            assert_eq!(action == RetryAction::DeadLetter, expected, "{failure:?} at {hours} h, receive {receives}");
        }
        let named = Failure::retry_after(Duration::from_secs(77), "SES: sending is paused");
        assert_eq!(policy.decide(&named, HOUR, 9), RetryAction::Redeliver(Duration::from_secs(77)));
    }

    /// Delivers one message over and over on a virtual clock until an outage of this length ends; returns its age at that end and
    /// how often it was received, or `None` if it was dead-lettered before.
    fn outage(length: Duration) -> Option<(Duration, u32)> {
        let policy = RetryPolicy::default();
        let failure = Failure::retry("DynamoDB TransactWriteItems: AccessDeniedException");
        let (mut age, mut receives) = (Duration::ZERO, 0);
        loop {
            receives += 1;
            if age >= length {
                return Some((age, receives));
            }
            match policy.decide(&failure, age, receives) {
                RetryAction::Redeliver(wait) => age += wait,
                RetryAction::DeadLetter => return None,
            }
        }
    }

    #[test]
    fn outage_of_71_hours_ends_in_16_minutes_and_72_go_to_dlq() {
        for _ in 0..200 {
            let (age, receives) = outage(71 * HOUR).expect("dead-lettered within 71 hours");
            assert!(age <= 71 * HOUR + Duration::from_mins(16), "{age:?}");
            assert!((400..1000).contains(&receives), "{receives} receives; SQS's own limit is 1000");
            assert_eq!(outage(73 * HOUR), None);
        }
    }

    #[test]
    fn short_outage_is_retried_within_a_tenth_of_its_length() {
        for _ in 0..200 {
            let (age, _) = outage(Duration::from_mins(10)).unwrap();
            assert!(age <= Duration::from_mins(11), "{age:?}");
        }
    }
}
