//! Events as rows carry them, and as the bus and the queues take them.

use anyhow::{Context, Result};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use switchyard_chassis::{Item, text_of};
use switchyard_events::OutboxEntry;

use crate::soak_stack::SoakStack;

/// The entries of a row's outbox; none if the row has no outbox.
pub(crate) fn outbox_entries(row: &Item) -> Vec<OutboxEntry> {
    let text = text_of(row, OutboxEntry::ATTRIBUTE);
    text.and_then(|text| OutboxEntry::from_attribute(text).ok()).unwrap_or_default()
}

/// Puts an event on the bus.
pub(crate) async fn put_on_bus(stack: &SoakStack, event: &OutboxEntry) -> Result<()> {
    let entry = PutEventsRequestEntry::builder().event_bus_name(&stack.deployed.bus).source(&event.source);
    let entry = entry.detail_type(&event.detail_type).detail(event.detail.get()).build();
    stack.cloud.eventbridge.put_events().entries(entry).send().await.context("PutEvents fails")?;
    Ok(())
}

/// The body in which a rule of the bus delivers the event to a queue.
pub(crate) fn queue_body(event: &OutboxEntry) -> String {
    format!(
        r#"{{"version":"0","detail-type":"{}","source":"{}","detail":{}}}"#,
        event.detail_type, event.source, event.detail
    )
}
