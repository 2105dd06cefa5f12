//! Every event is applied once by every consumer that subscribes to it. The events are those in the outboxes of all
//! tables. An event was applied if there is a row with its id and with `processed_at`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use switchyard_chassis::{Item, text_of};
use switchyard_events::EventId;

use super::evidence::Evidence;
use super::findings::Findings;
use crate::events::outbox_entries;

pub(super) fn audit(evidence: &Evidence, findings: &mut Findings) {
    let emitted = emitted_events(evidence);
    for accepted in &evidence.accepted {
        let id = EventId::derive("OrderPlaced", &accepted.order_id, 1);
        if !emitted.contains(&(id.to_string(), "OrderPlaced".to_owned())) {
            findings.lost.push(format!("outbox: no OrderPlaced of {}", accepted.order_id));
        }
    }
    for (consumer, table) in &evidence.tables {
        let applied = applied_rows(table);
        let event_types = &evidence.event_types[consumer];
        for (id, event_type) in emitted.iter().filter(|(_, event_type)| event_types.contains(event_type)) {
            match applied.get(id.as_str()).map_or(&[][..], Vec::as_slice) {
                [_] => {}
                [] => findings.lost.push(format!("{consumer}: {event_type} {id} was never applied")),
                rows => findings
                    .doubled
                    .push(format!("{consumer}: {event_type} {id} was applied in {}", rows.join(" and "))),
            }
        }
    }
}

/// The id and type of every event in any outbox.
fn emitted_events(evidence: &Evidence) -> BTreeSet<(String, String)> {
    #[derive(Deserialize)]
    struct Detail {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        event_id: String,
        event_type: String,
    }
    let rows = evidence.tables.values().flatten().chain(&evidence.orders);
    let details =
        rows.flat_map(outbox_entries).filter_map(|event| serde_json::from_str::<Detail>(event.detail.get()).ok());
    details.map(|Detail { metadata }| (metadata.event_id, metadata.event_type)).collect()
}

/// By event id, the keys of the rows that mark it as applied.
fn applied_rows(table: &[Item]) -> BTreeMap<&str, Vec<String>> {
    let mut applied: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in table.iter().filter(|row| row.contains_key("processed_at")) {
        if let (Some(id), Some(pk), Some(sk)) = (text_of(row, "event_id"), text_of(row, "pk"), text_of(row, "sk")) {
            applied.entry(id).or_default().push(format!("{pk}/{sk}"));
        }
    }
    applied
}
