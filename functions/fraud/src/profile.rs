//! What is usual for a user.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use switchyard_chassis::{Condition, Item, Update, Value, number_of};
use switchyard_events::{OrderPlaced, Usd};

use crate::recent::Recent;

/// Orders that a user must have before his own history says anything.
pub(crate) const ENOUGH_HISTORY: u64 = 5;
/// An amount above this (in cents: ten million dollars) counts as this, so that no sum outgrows a DynamoDB number.
const MAX_CENTS: u64 = 1_000_000_000;
/// The least deviation that is believed, in cents: who always spends the same is not suspicious at the first extra cent.
const SPREAD_CENTS: f64 = 100.0;

/// A user's history, as far as rules and model need it: the orders seen so far, flagged or not.
///
/// All of it is the same whatever order they came in. Sums are whole numbers, so that none depends on the order of addition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// How often the row has been written; 0 if there is none.
    pub version: u64,
    /// Orders so far.
    pub orders: u64,
    /// Sum of the order totals, in cents.
    pub cents: u64,
    /// Sum of their squares.
    pub squares: u128,
    /// When the latest of them were placed.
    pub recent: Recent,
    /// How many orders went to each country.
    pub countries: BTreeMap<String, u64>,
}

/// The total that statistics go by, in cents.
pub(crate) fn cents(order: &OrderPlaced) -> u64 {
    (order.total_usd.decimal() * Decimal::ONE_HUNDRED).to_u64().unwrap_or(MAX_CENTS).min(MAX_CENTS)
}

impl Profile {
    /// Reads a profile's row. A user without one has no history; neither has one whose row cannot be read.
    pub fn of(item: Option<&Item>) -> Self {
        let version = item.and_then(|item| number_of(item, "version")?.to_u64()).unwrap_or(0);
        item.and_then(|item| Self::read(item, version)).unwrap_or(Self { version, ..Self::default() })
    }

    fn read(item: &Item, version: u64) -> Option<Self> {
        let recent = item.get("recent")?.as_l().ok()?.iter().map(|time| time.as_n().ok()?.parse().ok());
        let countries = item.get("countries")?.as_m().ok()?.iter();
        let countries = countries.map(|(country, count)| Some((country.clone(), count.as_n().ok()?.parse().ok()?)));
        Some(Self {
            version,
            orders: number_of(item, "orders")?.to_u64()?,
            cents: (number_of(item, "spent_usd")? * Decimal::ONE_HUNDRED).to_u64()?,
            squares: number_of(item, "squares")?.to_u128()?,
            recent: Recent::of(recent.collect::<Option<Vec<_>>>()?),
            countries: countries.collect::<Option<_>>()?,
        })
    }

    /// The profile after one more order.
    pub fn with(mut self, order: &OrderPlaced) -> Self {
        let cents = cents(order);
        self.version += 1;
        self.orders += 1;
        self.cents = self.cents.saturating_add(cents);
        self.squares = self.squares.saturating_add(u128::from(cents).pow(2));
        self.recent = self.recent.with(order.placed_at);
        *self.countries.entry(order.ship_to.reveal().country.to_string()).or_default() += 1;
        self
    }

    /// Writes the profile over the version that was read, and over no other.
    pub fn update(&self, read_version: u64) -> Update {
        let countries = self.countries.iter().map(|(country, count)| (country.clone(), Value::from(*count).0));
        let update = Update::new()
            .set("version", self.version)
            .set("orders", self.orders)
            .set("spent_usd", Usd::from_cents(i64::try_from(self.cents).unwrap_or(i64::MAX)))
            .set("squares", Decimal::from_u128(self.squares).unwrap_or(Decimal::MAX))
            .set("recent", self.recent.times().iter().map(|time| Value::from(*time)).collect::<Vec<_>>())
            .set("countries", Value::map(countries.collect()));
        update.when(match read_version {
            0 => Condition::missing("version"),
            version => Condition::equals("version", version),
        })
    }

    /// How many of the user's own deviations this amount (in cents) lies above what he spends, if he has spent often enough.
    #[allow(clippy::cast_precision_loss)] // a share of one in 2^53
    pub fn deviations(&self, cents: u64) -> Option<f64> {
        if self.orders < ENOUGH_HISTORY {
            return None;
        }
        let orders = self.orders as f64;
        let mean = self.cents as f64 / orders;
        // n·Σx² − (Σx)² is never negative, and exact before the root is taken.
        let variance = u128::from(self.orders) * self.squares - u128::from(self.cents).pow(2);
        let deviation = (variance as f64).sqrt() / orders;
        Some((cents as f64 - mean) / deviation.max(mean / 10.0).max(SPREAD_CENTS))
    }

    /// Whether the user has orders enough, and sent less than one in ten of them to this country.
    pub fn is_unusual(&self, country: &str) -> bool {
        let sent = self.countries.get(country).copied().unwrap_or(0);
        self.orders >= ENOUGH_HISTORY && sent.saturating_mul(10) < self.orders
    }
}
