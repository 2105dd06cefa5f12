//! The row that marks an event as applied.

use jiff::{SignedDuration, Timestamp};
use switchyard_events::EventId;

use crate::{Env, Key, Received, Row};

/// How long a consumer recognizes an event that it has applied.
#[derive(Debug, Clone, Copy)]
pub struct DedupConfig {
    /// Days until a separate marker expires. It must outlive every copy of its event: in the queue, the dead-letter queue and the
    /// archive.
    pub marker_ttl_days: i64,
}

impl DedupConfig {
    /// Reads `MARKER_TTL_DAYS` (default 90).
    pub fn from_env(env: &mut Env) -> Self {
        Self { marker_ttl_days: env.or("MARKER_TTL_DAYS", 90) }
    }

    /// When a marker written now expires, in seconds since 1970, as DynamoDB's time to live expects.
    pub(crate) fn expires_at(self, now: Timestamp) -> i64 {
        now.as_second() + SignedDuration::from_hours(24 * self.marker_ttl_days).as_secs()
    }
}

/// The key of an event's marker if its consumer records no row of its own.
pub(crate) fn marker_key<E>(received: &Received<E>) -> Key {
    marker_key_of(received, &received.metadata.event_id)
}

/// The key of the marker of another event about the same aggregate.
pub(crate) fn marker_key_of<E>(received: &Received<E>, event_id: &EventId) -> Key {
    let aggregate = &received.metadata.aggregate;
    Key::new(format!("{}#{}", aggregate.kind.to_ascii_uppercase(), aggregate.id), format!("EVENT#{event_id}"))
}

/// The attributes of every row that marks an event as applied.
pub(crate) fn stamp<E>(row: Row, received: &Received<E>, now: Timestamp) -> Row {
    row.set("event_id", received.metadata.event_id.as_str())
        .set("processed_at", now)
        .set("lag_ms", received.lag_ms())
        .set("receives", received.receive_count)
}
