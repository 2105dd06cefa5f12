//! The differences between what is stored and what must be stored.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::Serialize;

use super::sums::Sums;

/// The differences, one line of text each.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Findings {
    /// Effects that are missing.
    pub(crate) lost: Vec<String>,
    /// Effects that exist more than once, or without an accepted order.
    pub(crate) doubled: Vec<String>,
    /// Mails that were sent again because no worker could know that they had been sent: the documented window.
    pub(crate) mails_inside: Vec<String>,
    /// Mails that were sent again without such a reason.
    pub(crate) mails_outside: Vec<String>,
}

impl Findings {
    /// Whether nothing was lost, and nothing was doubled outside the documented window.
    pub(crate) fn are_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.mails_outside.is_empty()
    }

    /// Compares a number with the expected one.
    pub(super) fn compare_number(&mut self, what: &str, expected: Decimal, found: Decimal) {
        let line = || format!("{what}: {found} instead of {expected}");
        match found.cmp(&expected) {
            Ordering::Less => self.lost.push(line()),
            Ordering::Equal => {}
            Ordering::Greater => self.doubled.push(line()),
        }
    }

    /// Compares a set with the expected one.
    pub(super) fn compare_sets(&mut self, what: &str, expected: &BTreeSet<String>, found: &BTreeSet<String>) {
        self.lost.extend(expected.difference(found).map(|name| format!("{what}: {name} is missing")));
        self.doubled.extend(found.difference(expected).map(|name| format!("{what}: {name} should not be")));
    }

    /// Compares sums by name. A sum that is missing on one side is zero there.
    pub(super) fn compare_sums(&mut self, what: &str, expected: &Sums, found: &Sums) {
        for name in expected.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
            let sum = |sums: &Sums| sums.get(name).copied().unwrap_or_default();
            self.compare_number(&format!("{what} {name}"), sum(expected), sum(found));
        }
    }
}
