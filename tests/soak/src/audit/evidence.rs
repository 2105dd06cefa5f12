//! What the audit compares.

use std::collections::{BTreeMap, BTreeSet};

use switchyard_chassis::{Item, Key};

use crate::cart::AcceptedOrder;
use crate::email_journal::EmailJournal;
use crate::order_log::Review;
use crate::products::Product;

/// The accepted orders, and everything that is stored about them.
#[derive(Default)]
pub(crate) struct Evidence {
    pub(crate) accepted: Vec<AcceptedOrder>,
    /// The orders whose owners have requested the cancellation, and were not refused.
    pub(crate) cancellations: BTreeSet<String>,
    /// The orders whose owners have requested the cancellation, and were refused because it was too late.
    pub(crate) too_late: BTreeSet<String>,
    /// The decisions about flagged orders.
    pub(crate) reviews: BTreeMap<String, Review>,
    pub(crate) products: Vec<Product>,
    /// The rows of each consumer's table, by the consumer's name.
    pub(crate) tables: BTreeMap<String, Vec<Item>>,
    /// The types of the events that each consumer subscribes to, by its name.
    pub(crate) event_types: BTreeMap<String, BTreeSet<String>>,
    /// The rows of the orders table.
    pub(crate) orders: Vec<Item>,
    /// Every mail that was sent.
    pub(crate) mails: Vec<SentMail>,
    pub(crate) journal: EmailJournal,
    /// Whether all jobs have run. Then the results of jobs are lost if they are missing.
    pub(crate) jobs_done: bool,
}

/// A mail as its recipient sees it.
#[derive(Debug, Clone)]
pub(crate) struct SentMail {
    pub(crate) to: String,
    pub(crate) text: String,
}

/// The rows whose partition and sort keys have these prefixes, with their keys.
pub(super) fn rows<'a>(table: &'a [Item], pk: &'a str, sk: &'a str) -> impl Iterator<Item = (Key, &'a Item)> {
    let keyed = table.iter().filter_map(|row| Some((Key::from_item(row)?, row)));
    keyed.filter(move |(key, _)| key.pk.starts_with(pk) && key.sk.starts_with(sk))
}

/// A sort key without its shard number.
pub(super) fn unsharded(sk: &str) -> &str {
    sk.rsplit_once('#').map_or(sk, |(name, _)| name)
}
