//! Compares what is stored with what must be stored, computed in the simplest way from checkout's responses.
//!
//! * `markers`: every consumer has applied every event that it subscribes to once; names no consumer
//! * `orders`, `analytics`, `tax`, `fraud`, `warehouse`, `recommendations`: the expected rows of each consumer
//! * `nexus`: the states whose tax threshold must have been crossed
//! * `offers`: the offers that each user must have
//! * `email`: the mails that were sent
//! * `expected_orders`: which orders are cancelled, and which had to be
//! * `evidence`, `findings`, `sums`: what is compared, the differences, and sums for the comparison

mod analytics;
mod email;
mod evidence;
mod expected_orders;
mod findings;
mod fraud;
mod markers;
mod nexus;
mod offers;
mod orders;
mod recommendations;
mod sums;
mod tax;
mod warehouse;

use serde::Serialize;
use switchyard_chassis::Item;

pub(crate) use evidence::{Evidence, SentMail};
pub(crate) use findings::Findings;

/// Compares one consumer's table with what it must contain.
type TableAudit = fn(&[Item], &Evidence, &mut Findings);

/// Compares everything. Tables of consumers that are not deployed are not expected.
pub(crate) fn audit(evidence: &Evidence) -> Findings {
    let mut findings = Findings::default();
    orders::audit(evidence, &mut findings);
    markers::audit(evidence, &mut findings);
    let audits: [(&str, TableAudit); 8] = [
        ("analytics", analytics::audit),
        ("tax", tax::audit),
        ("tax", nexus::audit),
        ("fraud", fraud::audit),
        ("warehouse", warehouse::audit),
        ("recommendations", recommendations::audit),
        ("recommendations", offers::audit),
        ("email", email::audit),
    ];
    for (consumer, audit) in audits {
        if let Some(table) = evidence.tables.get(consumer) {
            audit(table, evidence, &mut findings);
        }
    }
    findings
}

/// What has become of cancellations.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct CancellationCounts {
    /// Orders that are cancelled.
    pub(crate) cancelled: usize,
    /// Stored requests that the warehouse has refused.
    pub(crate) refused: usize,
}

/// Counts in the orders table.
pub(crate) fn count_cancellations(evidence: &Evidence) -> CancellationCounts {
    let count = |sk| evidence::rows(&evidence.orders, "ORDER#", sk).count();
    CancellationCounts { cancelled: count("STATUS#6#cancelled"), refused: count("STATUS#5#too_late") }
}

/// How many picks wait to be listed.
pub(crate) fn ready_picks(evidence: &Evidence) -> usize {
    evidence.tables.get("warehouse").map_or(0, |table| warehouse::count_ready(table))
}

#[cfg(test)]
mod tests;
