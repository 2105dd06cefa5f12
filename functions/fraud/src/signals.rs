//! The inputs of the rules and of the model.

use jiff::SignedDuration;
use switchyard_events::{OrderPlaced, Quantity};

use crate::disposable_domains::is_disposable;
use crate::profile::{Profile, capped_cents};

/// An order compared with the profile of its user.
#[derive(Debug, Clone, PartialEq)]
pub struct Signals {
    /// The number of other orders of the user within an hour of this one, among those that arrived before it.
    pub within_1h: usize,
    /// The same number within 24 hours.
    pub within_24h: usize,
    /// The number of orders of the user that arrived before this one.
    pub orders: u64,
    /// The total in cents, at most ten million dollars.
    pub cents: u64,
    /// How many standard deviations the total is above the user's mean; `None` if the user has too few orders.
    pub deviations: Option<f64>,
    /// The number of pieces in the largest line.
    pub quantity: u32,
    /// Whether the e-mail address belongs to a disposable domain.
    pub is_disposable: bool,
    /// Whether the user rarely ships to this country.
    pub is_unusual_country: bool,
}

impl Signals {
    /// Compares an order with the profile of the orders that arrived before it.
    pub fn new(order: &OrderPlaced, profile: &Profile) -> Self {
        let within = |hours| profile.recent.count_within(SignedDuration::from_hours(hours), order.placed_at);
        let cents = capped_cents(order);
        Self {
            within_1h: within(1),
            within_24h: within(24),
            orders: profile.orders,
            cents,
            deviations: profile.deviations(cents),
            quantity: order.items.iter().map(|line| line.quantity).map(Quantity::get).max().unwrap_or(1),
            is_disposable: is_disposable(&order.email.reveal().domain()),
            is_unusual_country: profile.is_unusual_country(order.ship_to.reveal().country.as_str()),
        }
    }

    /// The total in dollars.
    #[allow(clippy::cast_precision_loss)] // at most ten million
    pub fn dollars(&self) -> f64 {
        self.cents as f64 / 100.0
    }
}
