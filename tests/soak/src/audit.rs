//! What must be there, computed naively from what checkout answered, against what is there.
//!
//! * `markers`: every consumer has applied every fact that it hears of, once: knows no consumer by name
//! * `orders`, `analytics`, `tax`, `fraud`, `warehouse`, `recommendations`: what each consumer's rows must come to
//! * `nexus`: which states' thresholds must have been passed
//! * `offers`: what each user must be offered
//! * `email`: the mails that left

mod analytics;
mod email;
mod fraud;
mod markers;
mod nexus;
mod offers;
mod orders;
mod recommendations;
mod tax;
mod warehouse;

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::Serialize;
use switchyard_chassis::{Item, Key, number_of};

use crate::cart::Accepted;
use crate::wares::Ware;
use crate::witness::Journal;

/// All that the audit looks at.
#[derive(Default)]
pub(crate) struct Evidence {
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) wares: Vec<Ware>,
    /// The rows of each consumer's table, by its name.
    pub(crate) tables: BTreeMap<String, Vec<Item>>,
    /// The types of events that each consumer hears of.
    pub(crate) hears: BTreeMap<String, BTreeSet<String>>,
    /// The rows of the orders table.
    pub(crate) orders: Vec<Item>,
    /// Every mail that left.
    pub(crate) mails: Vec<Mail>,
    pub(crate) journal: Journal,
    /// Whether nothing is left to be done: what waits for a job or for the end of a wave is lost then, too.
    pub(crate) at_rest: bool,
}

/// A mail as its recipient sees it.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) text: String,
}

/// What is not as it must be.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Findings {
    /// Effects that are not there.
    pub(crate) lost: Vec<String>,
    /// Effects that are there more than once, or of nothing that was accepted.
    pub(crate) doubled: Vec<String>,
    /// Mails that left again because nobody could know that they had left: the documented window.
    pub(crate) mails_inside: Vec<String>,
    /// Mails that left again for no such reason.
    pub(crate) mails_outside: Vec<String>,
}

impl Findings {
    /// Whether the promise is kept.
    pub(crate) fn are_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.mails_outside.is_empty()
    }

    /// Compares a number with what it must be.
    fn number(&mut self, what: &str, expected: Decimal, found: Decimal) {
        let line = || format!("{what}: {found} instead of {expected}");
        match found.cmp(&expected) {
            std::cmp::Ordering::Less => self.lost.push(line()),
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => self.doubled.push(line()),
        }
    }

    /// Compares two sets.
    fn same(&mut self, what: &str, expected: &BTreeSet<String>, found: &BTreeSet<String>) {
        self.lost.extend(expected.difference(found).map(|name| format!("{what}: {name} is missing")));
        self.doubled.extend(found.difference(expected).map(|name| format!("{what}: {name} should not be")));
    }

    /// Compares sums by name; one that is on one side only is nothing on the other.
    fn sums(&mut self, what: &str, expected: &Sums, found: &Sums) {
        for name in expected.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
            let of = |sums: &Sums| sums.get(name).copied().unwrap_or_default();
            self.number(&format!("{what} {name}"), of(expected), of(found));
        }
    }
}

/// Numbers by what they count.
type Sums = BTreeMap<String, Decimal>;

fn add(sums: &mut Sums, name: String, number: impl Into<Decimal>) {
    *sums.entry(name).or_default() += number.into();
}

/// A row's number; none counts as nothing.
fn number(row: &Item, name: &str) -> Decimal {
    number_of(row, name).unwrap_or_default()
}

/// A sort key without the number of its shard.
fn unsharded(sk: &str) -> &str {
    sk.rsplit_once('#').map_or(sk, |(name, _)| name)
}

/// The rows whose keys begin like this, with their keys.
fn rows<'a>(table: &'a [Item], pk: &'a str, sk: &'a str) -> impl Iterator<Item = (Key, &'a Item)> {
    let keyed = table.iter().filter_map(|row| Some((Key::from_item(row)?, row)));
    keyed.filter(move |(key, _)| key.pk.starts_with(pk) && key.sk.starts_with(sk))
}

/// Compares one consumer's table with what it must be.
type Audit = fn(&[Item], &Evidence, &mut Findings);

/// Looks at everything. A consumer that is not deployed is not looked for.
pub(crate) fn audit(evidence: &Evidence) -> Findings {
    let mut findings = Findings::default();
    orders::audit(evidence, &mut findings);
    markers::audit(evidence, &mut findings);
    let audits: [(&str, Audit); 8] = [
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

#[cfg(test)]
mod tests;
