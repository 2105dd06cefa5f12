//! Every fact that was stated is applied once by every consumer that hears of such. The facts are those in the outboxes of all
//! tables; whether one was applied is said by the row with its id that has a time of processing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use switchyard_chassis::{Item, text_of};
use switchyard_events::EventId;

use super::{Evidence, Findings};
use crate::mischief::entries;

pub(super) fn audit(evidence: &Evidence, findings: &mut Findings) {
    let stated = stated(evidence);
    for accepted in &evidence.accepted {
        let id = EventId::derive("OrderPlaced", &accepted.order_id, 1);
        if !stated.contains(&(id.to_string(), "OrderPlaced".to_owned())) {
            findings.lost.push(format!("outbox: no OrderPlaced of {}", accepted.order_id));
        }
    }
    for (consumer, table) in &evidence.tables {
        let applied = applied(table);
        let hears = &evidence.hears[consumer];
        for (id, kind) in stated.iter().filter(|(_, kind)| hears.contains(kind)) {
            match applied.get(id.as_str()).map_or(&[][..], Vec::as_slice) {
                [_] => {}
                [] => findings.lost.push(format!("{consumer}: {kind} {id} was never applied")),
                rows => findings.doubled.push(format!("{consumer}: {kind} {id} was applied in {}", rows.join(" and "))),
            }
        }
    }
}

/// The id and type of every fact in any outbox.
fn stated(evidence: &Evidence) -> BTreeSet<(String, String)> {
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
    let details = rows.flat_map(entries).filter_map(|fact| serde_json::from_str::<Detail>(fact.detail.get()).ok());
    details.map(|Detail { metadata }| (metadata.event_id, metadata.event_type)).collect()
}

/// By event, the rows that say it was applied.
fn applied(table: &[Item]) -> BTreeMap<&str, Vec<String>> {
    let mut applied: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in table.iter().filter(|row| row.contains_key("processed_at")) {
        if let (Some(id), Some(pk), Some(sk)) = (text_of(row, "event_id"), text_of(row, "pk"), text_of(row, "sk")) {
            applied.entry(id).or_default().push(format!("{pk}/{sk}"));
        }
    }
    applied
}
