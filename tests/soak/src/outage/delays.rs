//! When each consumer applied each event, read from the rows that mark events as applied.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchyard_chassis::{Item, text_of};

use crate::audit::Evidence;
use crate::events::outbox_entries;

/// The times from an event to its effect, of one consumer.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub(crate) struct Delays {
    pub(crate) events: usize,
    pub(crate) median_seconds: f64,
    pub(crate) longest_seconds: f64,
    /// When the last event was applied.
    #[serde(skip)]
    pub(crate) last_applied: Option<Timestamp>,
}

impl Delays {
    fn from_times(times: &[(Timestamp, Timestamp)]) -> Self {
        let mut seconds: Vec<_> =
            times.iter().map(|(event, applied)| applied.duration_since(*event).as_secs_f64()).collect();
        seconds.sort_by(f64::total_cmp);
        Self {
            events: times.len(),
            median_seconds: seconds.get(seconds.len() / 2).copied().unwrap_or_default(),
            longest_seconds: seconds.last().copied().unwrap_or_default(),
            last_applied: times.iter().map(|(_, applied)| *applied).max(),
        }
    }
}

/// The delays of each consumer. An event that was not applied has none; the audit finds it.
pub(crate) fn delays(evidence: &Evidence) -> BTreeMap<String, Delays> {
    let events = event_times(evidence);
    let of_table = |table: &[Item]| {
        let time =
            |row: &Item| Some((*events.get(text_of(row, "event_id")?)?, text_of(row, "processed_at")?.parse().ok()?));
        Delays::from_times(&table.iter().filter_map(time).collect::<Vec<_>>())
    };
    evidence.tables.iter().map(|(consumer, table)| (consumer.clone(), of_table(table))).collect()
}

/// When each event in any outbox occurred, by its id.
fn event_times(evidence: &Evidence) -> BTreeMap<String, Timestamp> {
    #[derive(Deserialize)]
    struct Detail {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        event_id: String,
        occurred_at: Timestamp,
    }
    let rows = evidence.tables.values().flatten().chain(&evidence.orders);
    let details = rows.flat_map(outbox_entries).filter_map(|event| serde_json::from_str(event.detail.get()).ok());
    details.map(|Detail { metadata }| (metadata.event_id, metadata.occurred_at)).collect()
}

#[cfg(test)]
mod tests {
    use switchyard_chassis::{Key, Row};

    use super::*;

    #[test]
    fn delay_is_from_the_event_in_the_outbox_to_its_marker() {
        let outbox = |id: &str| {
            format!(
                r#"[{{"source":"s","detail_type":"T","detail":{{"metadata":{{"event_id":"{id}","occurred_at":"2026-11-21T09:00:00Z"}}}}}}]"#
            )
        };
        let order = |id: &str| Row::new(Key::new(id, "ORDER")).set("outbox", outbox(id)).into_item();
        let marker =
            |id: &str, at: &str| Row::new(Key::new(id, "M")).set("event_id", id).set("processed_at", at).into_item();
        let table = vec![marker("a", "2026-11-21T09:00:02Z"), marker("b", "2026-11-21T09:00:30Z"), marker("c", "x")];
        let evidence = Evidence {
            orders: vec![order("a"), order("b"), order("c")],
            tables: [("tax".to_owned(), table)].into(),
            ..Evidence::default()
        };
        let found = &delays(&evidence)["tax"];
        assert_eq!((found.events, found.longest_seconds), (2, 30.0));
        assert_eq!(found.last_applied, "2026-11-21T09:00:30Z".parse().ok());
    }
}
