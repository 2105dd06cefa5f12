//! What is expected of each order, given what clients and reviewers have requested.
//!
//! Whether a cancellation comes in time is a race that the warehouse decides. So the outcome is read from the orders table, and the
//! audit compares everything else with it: an order is cancelled everywhere or nowhere.

use std::collections::BTreeSet;

use super::evidence::{Evidence, rows};
use crate::cart::AcceptedOrder;
use crate::order_log::Review;

pub(super) struct ExpectedOrders<'a> {
    evidence: &'a Evidence,
    cancelled: BTreeSet<String>,
    requested: BTreeSet<String>,
}

impl<'a> ExpectedOrders<'a> {
    pub(super) fn new(evidence: &'a Evidence) -> Self {
        let ids = |sk| {
            let rows = rows(&evidence.orders, "ORDER#", sk);
            rows.map(|(key, _)| key.pk["ORDER#".len()..].to_owned()).collect()
        };
        Self { evidence, cancelled: ids("STATUS#6#cancelled"), requested: ids("CANCELLATION") }
    }

    /// Whether the order is cancelled. Then its effects must be undone everywhere.
    pub(super) fn is_cancelled(&self, order: &AcceptedOrder) -> bool {
        self.cancelled.contains(&order.order_id)
    }

    /// The orders whose effects must be there.
    pub(super) fn kept(&self) -> impl Iterator<Item = &'a AcceptedOrder> {
        self.evidence.accepted.iter().filter(|order| !self.is_cancelled(order))
    }

    /// Whether the order is confirmed and not cancelled.
    pub(super) fn may_be_listed(&self, order: &AcceptedOrder) -> bool {
        let confirmed = !order.cart.suspicious || self.review(order) == Some(Review::Confirmed);
        confirmed && !self.is_cancelled(order)
    }

    /// Whether the owner or a reviewer wanted the order cancelled.
    pub(super) fn is_cancellation_wanted(&self, order: &AcceptedOrder) -> bool {
        let id = &order.order_id;
        let is_requested = self.requested.contains(id) || self.evidence.cancellations.contains(id);
        is_requested || self.review(order) == Some(Review::Rejected)
    }

    /// The orders with a stored request of their owner. A request that is refused at once is not stored.
    pub(super) fn requested(&self) -> &BTreeSet<String> {
        &self.requested
    }

    /// The decision about a flagged order.
    pub(super) fn review(&self, order: &AcceptedOrder) -> Option<Review> {
        self.evidence.reviews.get(&order.order_id).copied()
    }
}
