//! What is usual for a user.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::prelude::ToPrimitive;
use switchyard_chassis::{Condition, Item, Update, Value, number_of, text_of};
use switchyard_events::OrderPlaced;

/// How far back the times of a user's orders are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How many of them are kept at most: more than any rule counts.
const MAX_RECENT: usize = 100;

/// A user's history, as far as the rules need it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// How often the row has been written; 0 if there is none.
    pub version: u64,
    /// Orders so far.
    pub orders: u64,
    /// Sum of the order totals in dollars. Statistics only, so a float will do; no amount is ever read back from here.
    pub sum: f64,
    /// Sum of their squares.
    pub sum_of_squares: f64,
    /// When the orders of the last day were placed, oldest first.
    pub recent: Vec<Timestamp>,
    /// How many orders went to each country.
    pub countries: BTreeMap<String, u64>,
}

impl Profile {
    /// Reads a profile's row; a user without one has no history.
    pub fn of(item: Option<&Item>) -> Self {
        let Some(item) = item else { return Self::default() };
        let whole = |name| number_of(item, name).and_then(|n| n.to_u64()).unwrap_or(0);
        let real = |name| text_of(item, name).and_then(|text| text.parse().ok()).unwrap_or(0.0);
        let recent = item.get("recent").and_then(|list| list.as_l().ok());
        let countries = item.get("countries").and_then(|map| map.as_m().ok());
        Self {
            version: whole("version"),
            orders: whole("orders"),
            sum: real("sum"),
            sum_of_squares: real("sum_of_squares"),
            recent: recent
                .into_iter()
                .flatten()
                .filter_map(|time| time.as_s().ok()?.parse().ok())
                .collect(),
            countries: countries
                .into_iter()
                .flatten()
                .filter_map(|(country, count)| Some((country.clone(), count.as_n().ok()?.parse().ok()?)))
                .collect(),
        }
    }

    /// The profile after one more order.
    pub fn with(&self, order: &OrderPlaced) -> Self {
        let mut next = self.clone();
        let total = order.total_usd.decimal().to_f64().unwrap_or(0.0);
        next.version += 1;
        next.orders += 1;
        next.sum += total;
        next.sum_of_squares += total * total;
        *next
            .countries
            .entry(order.ship_to.reveal().country.to_string())
            .or_default() += 1;
        next.recent.push(order.placed_at);
        next.recent.sort();
        let newest = next.recent.last().copied().unwrap_or(order.placed_at);
        next.recent.retain(|time| newest.duration_since(*time) <= KEPT);
        let surplus = next.recent.len().saturating_sub(MAX_RECENT);
        next.recent.drain(..surplus);
        next
    }

    /// Writes the profile over the version that was read, and over no other.
    pub fn update(&self, read_version: u64) -> Update {
        let countries = self
            .countries
            .iter()
            .map(|(country, count)| (country.clone(), Value::from(*count).0))
            .collect();
        let update = Update::new()
            .set("version", self.version)
            .set("orders", self.orders)
            .set("sum", self.sum.to_string())
            .set("sum_of_squares", self.sum_of_squares.to_string())
            .set(
                "recent",
                self.recent.iter().map(|time| Value::from(*time)).collect::<Vec<_>>(),
            )
            .set("countries", Value::map(countries));
        update.when(match read_version {
            0 => Condition::missing("version"),
            version => Condition::equals("version", version),
        })
    }

    /// How many orders were placed in the time before this moment.
    pub fn placed_within(&self, span: SignedDuration, before: Timestamp) -> usize {
        self.recent
            .iter()
            .filter(|time| **time <= before && before.duration_since(**time) <= span)
            .count()
    }

    /// Mean and standard deviation of the order totals.
    pub fn spending(&self) -> (f64, f64) {
        #[allow(clippy::cast_precision_loss)] // nobody places 2^52 orders
        let orders = self.orders.max(1) as f64;
        let mean = self.sum / orders;
        (mean, (self.sum_of_squares / orders - mean * mean).max(0.0).sqrt())
    }

    /// The country that most orders went to.
    pub fn usual_country(&self) -> Option<&str> {
        self.countries
            .iter()
            .max_by_key(|(_, count)| **count)
            .map(|(country, _)| country.as_str())
    }
}
