//! `yard dlq redrive`: puts the publisher's dead letters back on the bus.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use futures_util::future::{join_all, try_join_all};
use publisher::{Bus, Effort, Entry, PutOutcome};
use serde::Serialize;
use serde_json::Value;
use switchyard_chassis::backoff;
use switchyard_events::OutboxEntry;

use crate::aws::clients::Cloud;
use crate::commands::context::{CommandContext, Completion, JsonArgs, RegionArgs};
use crate::stack::dead_letters::DeadLetter;
use crate::stack::deployed::Stack;
use crate::stack::queue_scan::QueueScan;
use crate::terminal::output::print_result;
use crate::terminal::progress::Step;

/// Batches of ten messages that are under way at the same time.
const CONCURRENCY: usize = 8;

/// Attempts per event while the bus is throttled or unavailable. Then the redrive stops.
const MAX_ATTEMPTS: u32 = 4;

#[derive(Debug, Args)]
pub(crate) struct RedriveArgs {
    /// Whose dead letters
    #[arg(long, value_name = "NAME", value_parser = ["publisher"])]
    consumer: String,
    /// Put them back, instead of only showing what would be put back
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    region: RegionArgs,
}

impl RedriveArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        let (cloud, stack) = context.connect(self.region.region).await?;
        let step = Step::new("redrive");
        let redrive = redrive_publisher(&cloud, &stack, self.yes, |detail| step.detail(detail)).await?;
        step.done(format!("{} dead letters of {} read", redrive.messages, self.consumer));
        print_result(&redrive, self.json.json, PublisherRedrive::render)?;
        Ok(Completion::from_success(redrive.dry_run || redrive.left.is_empty()))
    }
}

/// What was, or would be, put back on the bus.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PublisherRedrive {
    /// Whether nothing was put back or deleted.
    pub dry_run: bool,
    /// Dead letters that were read.
    pub messages: u64,
    /// Their events by type.
    pub types: BTreeMap<String, u64>,
    /// Dead letters by the reason for which they were dead-lettered (`error_code`).
    pub reasons: BTreeMap<String, u64>,
    /// Dead letters whose events are on the bus and that were deleted; in a dry run, those that would be.
    pub redriven: u64,
    /// Dead letters that stay in the queue, by the reason for that.
    pub left: BTreeMap<String, u64>,
}

impl PublisherRedrive {
    /// For people.
    fn render(&self) -> String {
        if self.messages == 0 {
            return "there are no dead letters".to_owned();
        }
        let done = if self.dry_run { "would be put back on the bus; --yes does it" } else { "put back on the bus" };
        let mut lines = vec![format!("{} of {} dead letters {done}", self.redriven, self.messages)];
        let sections = [("type", &self.types), ("reason", &self.reasons), ("left", &self.left)];
        for (heading, counts) in sections {
            lines.extend(counts.iter().map(|(name, count)| format!("{heading:<8} {count:>7}  {name}")));
        }
        lines.join("\n")
    }

    fn count(&mut self, letter: &DeadLetter, events: &[OutboxEntry]) {
        self.messages += 1;
        let reason = letter.attributes.get("error_code").map_or("(given up by Lambda)", String::as_str);
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
        for event in events {
            *self.types.entry(event.detail_type.clone()).or_default() += 1;
        }
    }

    fn leave(&mut self, reason: String) {
        *self.left.entry(reason).or_default() += 1;
    }

    fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.redriven += other.redriven;
        let maps = [(&mut self.types, other.types), (&mut self.reasons, other.reasons), (&mut self.left, other.left)];
        for (sums, counts) in maps {
            for (name, count) in counts {
                *sums.entry(name).or_default() += count;
            }
        }
    }
}

/// Puts the publisher's dead letters back on the bus if `yes`; otherwise only reads them. `show` gets the progress.
///
/// A dead letter is deleted only after the bus accepted its events. If the deletion fails, a repeat puts them on the bus
/// again, and the consumers' markers discard the duplicates. Stops early if the bus is unavailable.
pub async fn redrive_publisher(
    cloud: &Cloud,
    stack: &Stack,
    yes: bool,
    show: impl Fn(&str),
) -> Result<PublisherRedrive> {
    let mut total = PublisherRedrive { dry_run: !yes, ..PublisherRedrive::default() };
    if !yes {
        let mut scan = QueueScan::new(cloud, &stack.publisher_dlq);
        let read = read_all(&mut scan, &mut total, &show).await;
        // Also after an error: what was received until then is made visible again.
        scan.release().await?;
        return read.map(|()| total);
    }
    let bus = &Bus::new(cloud.eventbridge.clone(), stack.bus.clone());
    let mut scans: Vec<_> = (0..CONCURRENCY).map(|_| QueueScan::new(cloud, &stack.publisher_dlq)).collect();
    let result = loop {
        let batches = try_join_all(scans.iter_mut().map(|scan| redrive_batch(scan, bus))).await;
        let batches = match batches {
            Ok(batches) => batches,
            Err(error) => break Err(error),
        };
        let (read, unavailable) =
            (batches.iter().any(|batch| batch.0.messages > 0), batches.iter().any(|batch| batch.1));
        for (batch, _) in batches {
            total.add(batch);
        }
        show(&format!("{} put back", total.redriven));
        if !read || unavailable {
            break Ok(());
        }
    };
    for scan in scans {
        scan.release().await?;
    }
    result.map(|()| total)
}

/// Counts every dead letter without putting it back.
async fn read_all(scan: &mut QueueScan<'_>, total: &mut PublisherRedrive, show: impl Fn(&str)) -> Result<()> {
    loop {
        let batch = scan.next_batch().await?;
        if batch.is_empty() {
            return Ok(());
        }
        for letter in batch.into_iter().map(DeadLetter::from_message) {
            let events = parse_events(&letter.body);
            total.count(&letter, events.as_deref().unwrap_or_default());
            match events {
                Ok(_) => total.redriven += 1,
                Err(reason) => total.leave(reason),
            }
        }
        show(&format!("{} read", total.messages));
    }
}

/// Puts the next batch of dead letters back and deletes them. Returns also whether the bus is unavailable.
async fn redrive_batch(scan: &mut QueueScan<'_>, bus: &Bus) -> Result<(PublisherRedrive, bool)> {
    let (mut report, mut unavailable, mut published) = (PublisherRedrive::default(), false, Vec::new());
    let letters: Vec<_> = scan.next_batch().await?.into_iter().map(DeadLetter::from_message).collect();
    let puts = join_all(letters.iter().map(|letter| async move {
        let events = parse_events(&letter.body);
        let outcome = match &events {
            Ok(events) => put(bus, events.clone()).await,
            Err(reason) => PutOutcome::Permanent(reason.clone()),
        };
        (letter, events.unwrap_or_default(), outcome)
    }));
    for (letter, events, outcome) in puts.await {
        report.count(letter, &events);
        match outcome {
            PutOutcome::Published => published.push(letter.message_id.clone()),
            PutOutcome::Permanent(reason) => report.leave(reason),
            PutOutcome::Transient(reason) => {
                unavailable = true;
                report.leave(reason);
            }
            PutOutcome::RetryAlone => report.leave("EventBridge refused the call".to_owned()),
        }
    }
    // An error here must not hide that the events are on the bus, or a repeat would be a surprise.
    let (kept, error) = match scan.delete(&published).await {
        Ok(kept) => (kept.len(), String::new()),
        Err(error) => (published.len(), format!(": {error:#}")),
    };
    for _ in 0..kept {
        report.leave(format!("on the bus, but not deleted; a repeat does no harm{error}"));
    }
    report.redriven = (published.len() - kept) as u64;
    Ok((report, unavailable))
}

/// Puts the events of one dead letter on the bus. While the bus is unavailable, tries again for a few seconds.
async fn put(bus: &Bus, events: Vec<OutboxEntry>) -> PutOutcome {
    let mut waiting: Vec<_> = events.into_iter().map(|event| Entry::new(event, None)).collect();
    let mut outcome = PutOutcome::Published;
    for attempt in 1..=MAX_ATTEMPTS {
        outcome = PutOutcome::Published;
        let (outcomes, _) = bus.put_all(waiting, Effort::Full).await;
        waiting = Vec::new();
        for (entry, result) in outcomes {
            match result {
                PutOutcome::Published => {}
                PutOutcome::Permanent(_) => return result,
                PutOutcome::Transient(_) | PutOutcome::RetryAlone => {
                    waiting.push(entry);
                    outcome = result;
                }
            }
        }
        if waiting.is_empty() {
            break;
        }
        if attempt < MAX_ATTEMPTS {
            tokio::time::sleep(backoff::full_jitter(Duration::from_millis(250), attempt, Duration::from_secs(2))).await;
        }
    }
    outcome
}

/// The events in a dead letter: an entry in full, or an outbox that could not be parsed when it was dead-lettered.
fn parse_events(body: &str) -> Result<Vec<OutboxEntry>, String> {
    if let Ok(event) = serde_json::from_str::<OutboxEntry>(body) {
        return Ok(vec![event]);
    }
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    if let Some(outbox) = body.pointer("/outbox/S").and_then(Value::as_str) {
        let events = OutboxEntry::from_attribute(outbox);
        return events.map_err(|_| "its outbox is no list of events: repair the message, then redrive it".to_owned());
    }
    Err("it has no event: Lambda gave up a record of a stream, whose outbox is still in its table".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"source":"switchyard.checkout","detail_type":"OrderPlaced","detail":{"n":1.50}}"#;

    #[test]
    fn dead_letter_body_gives_its_events_or_a_reason() {
        let events = parse_events(EVENT).unwrap();
        assert_eq!((events.len(), events[0].detail.get()), (1, r#"{"n":1.50}"#));

        let repaired = serde_json::json!({"keys": {}, "outbox": {"S": format!("[{EVENT},{EVENT}]")}});
        assert_eq!(parse_events(&repaired.to_string()).unwrap().len(), 2);

        let broken = serde_json::json!({"keys": {}, "outbox": {"S": "[ada@example.com"}}).to_string();
        let reason = parse_events(&broken).unwrap_err();
        assert!(reason.contains("repair") && !reason.contains("ada@"), "{reason}");
        assert!(parse_events(r#"{"DDBStreamBatchInfo":{}}"#).unwrap_err().contains("Lambda"));
    }

    #[test]
    fn redrive_report_shows_counts_and_what_is_left() {
        let letter = |code: &str| DeadLetter {
            message_id: "1".into(),
            event_id: None,
            attributes: [("error_code".to_owned(), code.to_owned())].into(),
            body: EVENT.into(),
        };
        let mut batch = PublisherRedrive::default();
        batch.count(&letter("bus_unavailable"), &parse_events(EVENT).unwrap());
        batch.redriven = 1;
        let mut total = batch.clone();
        batch.leave("EventBridge refused it".into());
        batch.redriven = 0;
        total.add(batch);
        let shown = total.render();
        assert!(shown.starts_with("1 of 2 dead letters put back"), "{shown}");
        assert!(shown.contains("2  OrderPlaced") && shown.contains("2  bus_unavailable"), "{shown}");
        assert!(shown.ends_with("1  EventBridge refused it"), "{shown}");
    }
}
