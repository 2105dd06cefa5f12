//! A bar of the chart.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use switchyard_events::Usd;

/// The length of the longest bar, in characters.
const MAX_LENGTH: u64 = 32;

/// A bar whose length is in proportion to `part` of `max`, in eighths of a character. Rounded up, so that any sale is visible.
pub(crate) fn bar(part: Usd, max: Usd) -> String {
    let share = part.decimal().checked_div(max.decimal()).unwrap_or_default();
    let eighths = (share * Decimal::from(MAX_LENGTH * 8)).ceil().to_usize().unwrap_or(0);
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    format!("{}{rest}", "█".repeat(eighths / 8))
}
