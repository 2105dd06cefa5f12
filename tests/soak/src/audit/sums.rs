//! Numbers in rows, and their sums.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use switchyard_chassis::{Item, number_of};

/// Sums by what they count.
pub(super) type Sums = BTreeMap<String, Decimal>;

pub(super) fn add(sums: &mut Sums, name: String, number: impl Into<Decimal>) {
    *sums.entry(name).or_default() += number.into();
}

/// A row's number. A missing attribute counts as zero.
pub(super) fn number(row: &Item, name: &str) -> Decimal {
    number_of(row, name).unwrap_or_default()
}
