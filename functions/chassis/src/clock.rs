//! The current time, which tests can set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// A source of the current time.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Milliseconds since 1970, if a test has fixed them.
    fixed: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that does not advance until it is set.
    pub fn fixed(now: Timestamp) -> Self {
        Self { fixed: Some(Arc::new(AtomicI64::new(now.as_millisecond()))) }
    }

    /// Sets a fixed clock and all its clones. Has no effect on the machine's clock.
    pub fn set(&self, now: Timestamp) {
        if let Some(fixed) = &self.fixed {
            fixed.store(now.as_millisecond(), Ordering::SeqCst);
        }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match &self.fixed {
            Some(fixed) => Timestamp::from_millisecond(fixed.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH),
            None => Timestamp::now(),
        }
    }
}
