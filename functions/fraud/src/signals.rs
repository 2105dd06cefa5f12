//! What rules and model look at.

use jiff::SignedDuration;
use switchyard_events::{OrderPlaced, Quantity};

use crate::domains::is_disposable;
use crate::profile::{Profile, cents};

/// An order beside what is usual for its user.
#[derive(Debug, Clone, PartialEq)]
pub struct Signals {
    /// Orders of the user within an hour of this one, of those seen before it.
    pub within_1h: usize,
    /// The same within 24 hours.
    pub within_24h: usize,
    /// All orders of the user seen before.
    pub orders: u64,
    /// The total, in cents; from ten million dollars on, it counts as that.
    pub cents: u64,
    /// The user's own deviations that the total lies above his mean, if he has history enough.
    pub deviations: Option<f64>,
    /// Pieces in the largest line.
    pub quantity: u32,
    /// Whether the mail address is a throw-away one.
    pub is_disposable: bool,
    /// Whether the user seldom ships to this country.
    pub is_abroad: bool,
}

impl Signals {
    /// Looks at an order, given those before it.
    pub fn of(order: &OrderPlaced, profile: &Profile) -> Self {
        let within = |hours| profile.recent.together(SignedDuration::from_hours(hours), order.placed_at);
        let cents = cents(order);
        Self {
            within_1h: within(1),
            within_24h: within(24),
            orders: profile.orders,
            cents,
            deviations: profile.deviations(cents),
            quantity: order.items.iter().map(|line| line.quantity).map(Quantity::get).max().unwrap_or(1),
            is_disposable: is_disposable(&order.email.reveal().domain()),
            is_abroad: profile.is_unusual(order.ship_to.reveal().country.as_str()),
        }
    }

    /// The total in dollars.
    #[allow(clippy::cast_precision_loss)] // at most ten million
    pub fn dollars(&self) -> f64 {
        self.cents as f64 / 100.0
    }
}
