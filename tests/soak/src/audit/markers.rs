//! Every event is applied once by every consumer that subscribes to it. The events are those in the outboxes of all
//! tables. An event was applied if there is a row with its id and with `processed_at`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use switchyard_chassis::{Item, text_of};
use switchyard_events::{EventId, Metadata};

use super::evidence::Evidence;
use super::findings::Findings;
use crate::events::outbox_entries;

pub(super) fn audit(evidence: &Evidence, findings: &mut Findings) {
    let emitted = emitted_events(evidence);
    for accepted in &evidence.accepted {
        let id = EventId::derive("OrderPlaced", &accepted.order_id, 1);
        if !emitted.iter().any(|event| event.id == id.as_str() && event.event_type == "OrderPlaced") {
            findings.lost.push(format!("outbox: no OrderPlaced of {}", accepted.order_id));
        }
    }
    for (consumer, table) in &evidence.tables {
        let applied = applied_rows(table);
        let event_types = &evidence.event_types[consumer];
        for event in emitted.iter().filter(|event| event_types.contains(&event.event_type)) {
            let EmittedEvent { id, event_type, .. } = event;
            match applied.get(id.as_str()).map_or(&[][..], Vec::as_slice) {
                [_] => {}
                [] if is_overtaken(consumer, table, event) => {}
                [] => findings.lost.push(format!("{consumer}: {event_type} {id} was never applied")),
                rows => findings
                    .doubled
                    .push(format!("{consumer}: {event_type} {id} was applied in {}", rows.join(" and "))),
            }
        }
    }
}

/// Of the events that confirm or cancel an order, the warehouse applies those that come first, and drops the others.
fn is_overtaken(consumer: &str, table: &[Item], event: &EmittedEvent) -> bool {
    let has_row = |sk: &str| {
        table.iter().any(|row| text_of(row, "pk") == Some(&event.partition) && text_of(row, "sk") == Some(sk))
    };
    let row = match event.event_type.as_str() {
        "OrderConfirmed" => "READY",
        "OrderRejected" | "CancellationRequested" => "WITHDRAWAL",
        _ => return false,
    };
    consumer == "warehouse" && has_row(row)
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct EmittedEvent {
    id: String,
    event_type: String,
    /// The partition of the thing that the event is about.
    partition: String,
}

/// Every event in any outbox.
fn emitted_events(evidence: &Evidence) -> BTreeSet<EmittedEvent> {
    #[derive(Deserialize)]
    struct Detail {
        metadata: Metadata,
    }
    let rows = evidence.tables.values().flatten().chain(&evidence.orders);
    let details =
        rows.flat_map(outbox_entries).filter_map(|event| serde_json::from_str::<Detail>(event.detail.get()).ok());
    let event = |Detail { metadata }| {
        let Metadata { event_id, event_type, aggregate, .. } = metadata;
        let partition = format!("{}#{}", aggregate.kind.to_ascii_uppercase(), aggregate.id);
        EmittedEvent { id: event_id.as_str().to_owned(), event_type, partition }
    };
    details.map(event).collect()
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
