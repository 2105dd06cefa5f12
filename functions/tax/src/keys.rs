//! The keys of this consumer's rows; the crate's documentation lists the rows.

use switchyard_chassis::Key;
use switchyard_events::OrderId;

use crate::month::Month;

/// The ledger line of an order, which is also the marker of its event.
pub(crate) fn ledger_key(order_id: &OrderId, jurisdiction: &str) -> Key {
    Key::new(format!("ORDER#{order_id}"), format!("LEDGER#{jurisdiction}"))
}

/// The ledger line that reverses that of a cancelled order, which is also the marker of its event.
pub(crate) fn reversal_key(order_id: &OrderId, jurisdiction: &str) -> Key {
    let Key { pk, sk } = ledger_key(order_id, jurisdiction);
    Key::new(pk, format!("{sk}#REVERSAL"))
}

/// The partition of a jurisdiction's sums, and the sort-key prefix of a year.
///
/// Sums are kept by month, as some states measure twelve months that are no calendar year. That costs no additional writes.
pub fn rollup_key(jurisdiction: &str, year: i16) -> Key {
    Key::new(format!("JURISDICTION#{jurisdiction}"), format!("YEAR#{year}"))
}

/// The sums of one month. The sort key of a shard is this one plus `#<shard>`.
pub(crate) fn month_key(jurisdiction: &str, month: Month) -> Key {
    let year = rollup_key(jurisdiction, month.year());
    Key::new(year.pk, format!("{}#{:02}", year.sk, month.number()))
}

/// The row that says that a jurisdiction's threshold was crossed in a year. It contains the announcement in its outbox.
pub fn crossed_key(jurisdiction: &str, year: i16) -> Key {
    Key::new(format!("JURISDICTION#{jurisdiction}"), format!("CROSSED#{year}"))
}
