//! What is usual for a user.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use switchyard_chassis::{Condition, Item, Update, Value, number_of};
use switchyard_events::{OrderPlaced, Usd};

use crate::recent_orders::RecentOrders;

/// The number of orders from which on a user's history is used.
pub(crate) const MIN_HISTORY_ORDERS: u64 = 5;
/// Ten million dollars. Larger amounts count as this, so that no sum exceeds the precision of a DynamoDB number.
const MAX_CENTS: u64 = 1_000_000_000;
/// The minimum standard deviation, in cents. A user who always spends the same is not suspicious for one cent more.
const MIN_DEVIATION_CENTS: f64 = 100.0;

/// A user's history, as far as the rules and the model need it. It includes all orders that arrived, flagged ones too. Of a
/// cancelled order it keeps only the time: otherwise a cancellation would make fast orders look slow.
///
/// It does not depend on the order of arrival. Sums are integers, so that they do not depend on the order of addition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// How often the row has been written; 0 if it does not exist.
    pub version: u64,
    /// The number of orders that were not cancelled.
    pub orders: u64,
    /// The sum of their totals, in cents.
    pub cents: u64,
    /// The sum of the squares of their totals, in square cents.
    pub squares: u128,
    /// The times of the latest orders, cancelled ones too.
    pub recent: RecentOrders,
    /// The number of orders shipped to each country, without the cancelled ones.
    pub countries: BTreeMap<String, u64>,
    /// The number of orders whose cancellation arrived, and which have not arrived themselves.
    pub early_cancellations: u64,
}

/// The total of an order in cents, at most [`MAX_CENTS`].
pub(crate) fn capped_cents(order: &OrderPlaced) -> u64 {
    (order.total_usd.decimal() * Decimal::ONE_HUNDRED).to_u64().unwrap_or(MAX_CENTS).min(MAX_CENTS)
}

fn country(order: &OrderPlaced) -> String {
    order.ship_to.reveal().country.to_string()
}

impl Profile {
    /// Parses a profile's row. Without a row, the history is empty. If the row cannot be parsed, the history is empty too, but
    /// keeps the version of the row.
    pub fn from_item(item: Option<&Item>) -> Self {
        let version = item.and_then(|item| number_of(item, "version")?.to_u64()).unwrap_or(0);
        item.and_then(|item| Self::parse(item, version)).unwrap_or(Self { version, ..Self::default() })
    }

    fn parse(item: &Item, version: u64) -> Option<Self> {
        let recent = item.get("recent")?.as_l().ok()?.iter().map(|time| time.as_n().ok()?.parse().ok());
        let countries = item.get("countries")?.as_m().ok()?.iter();
        let countries = countries.map(|(country, count)| Some((country.clone(), count.as_n().ok()?.parse().ok()?)));
        Some(Self {
            version,
            orders: number_of(item, "orders")?.to_u64()?,
            cents: (number_of(item, "spent_usd")? * Decimal::ONE_HUNDRED).to_u64()?,
            squares: number_of(item, "squares")?.to_u128()?,
            recent: RecentOrders::from_millis(recent.collect::<Option<Vec<_>>>()?),
            countries: countries.collect::<Option<_>>()?,
            // Missing in rows of versions that knew no cancellations.
            early_cancellations: number_of(item, "early_cancellations").and_then(|count| count.to_u64()).unwrap_or(0),
        })
    }

    /// The profile after one more order.
    pub fn with_order(mut self, order: &OrderPlaced) -> Self {
        let cents = capped_cents(order);
        self.version += 1;
        self.orders += 1;
        self.cents = self.cents.saturating_add(cents);
        self.squares = self.squares.saturating_add(u128::from(cents).pow(2));
        self.recent = self.recent.with_time(order.placed_at);
        *self.countries.entry(country(order)).or_default() += 1;
        self
    }

    /// The profile after the cancellation of an order that it includes: the order's amount and country are forgotten, its time is not.
    pub fn with_cancellation(mut self, order: &OrderPlaced) -> Self {
        let cents = capped_cents(order);
        self.version += 1;
        self.orders = self.orders.saturating_sub(1);
        self.cents = self.cents.saturating_sub(cents);
        self.squares = self.squares.saturating_sub(u128::from(cents).pow(2));
        let country = country(order);
        let left = self.countries.remove(&country).unwrap_or(0).saturating_sub(1);
        if left > 0 {
            self.countries.insert(country, left);
        }
        self
    }

    /// The profile after the cancellation of an order that has not arrived. The new version alone matters: a handler that scores the
    /// order at the same time has to run again, and then finds the cancellation.
    pub fn with_early_cancellation(mut self) -> Self {
        self.version += 1;
        self.early_cancellations += 1;
        self
    }

    /// The profile after the arrival of an order that was cancelled before: only its time counts.
    pub fn with_cancelled_order(mut self, order: &OrderPlaced) -> Self {
        self.version += 1;
        self.early_cancellations = self.early_cancellations.saturating_sub(1);
        self.recent = self.recent.with_time(order.placed_at);
        self
    }

    /// The update that writes the profile, on condition that the row still has the version that was read.
    pub fn update(&self, read_version: u64) -> Update {
        let countries = self.countries.iter().map(|(country, count)| (country.clone(), Value::from(*count).0));
        let update = Update::new()
            .set("version", self.version)
            .set("orders", self.orders)
            .set("spent_usd", Usd::from_cents(i64::try_from(self.cents).unwrap_or(i64::MAX)))
            .set("squares", Decimal::from_u128(self.squares).unwrap_or(Decimal::MAX))
            .set("recent", self.recent.times().iter().map(|time| Value::from(*time)).collect::<Vec<_>>())
            .set("countries", Value::map(countries.collect()))
            .set("early_cancellations", self.early_cancellations);
        update.when(match read_version {
            0 => Condition::missing("version"),
            version => Condition::equals("version", version),
        })
    }

    /// How many standard deviations an amount (in cents) is above the user's mean; `None` below five orders.
    #[allow(clippy::cast_precision_loss)] // a share of one in 2^53
    pub fn deviations(&self, cents: u64) -> Option<f64> {
        if self.orders < MIN_HISTORY_ORDERS {
            return None;
        }
        let orders = self.orders as f64;
        let mean = self.cents as f64 / orders;
        // n·Σx² − (Σx)² is exact before the root is taken. It is negative only if the row lost its sums before a cancellation.
        let variance = (u128::from(self.orders) * self.squares).saturating_sub(u128::from(self.cents).pow(2));
        let deviation = (variance as f64).sqrt() / orders;
        Some((cents as f64 - mean) / deviation.max(mean / 10.0).max(MIN_DEVIATION_CENTS))
    }

    /// Whether the user has at least five orders and shipped less than one in ten of them to this country.
    pub fn is_unusual_country(&self, country: &str) -> bool {
        let sent = self.countries.get(country).copied().unwrap_or(0);
        self.orders >= MIN_HISTORY_ORDERS && sent.saturating_mul(10) < self.orders
    }
}
