//! The outcomes of orders, as far as clients know them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::cart::{AcceptedOrder, Cart};

/// The outcomes so far, shared by all clients.
#[derive(Default)]
pub(crate) struct OrderLog {
    outcomes: Mutex<OrderOutcomes>,
}

/// A reviewer's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Review {
    Confirmed,
    Rejected,
}

impl Review {
    /// The name in rows.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
        }
    }
}

/// The outcomes of all orders of a run.
#[derive(Debug, Default, Clone)]
pub(crate) struct OrderOutcomes {
    pub(crate) accepted: Vec<AcceptedOrder>,
    /// The orders whose owners have requested the cancellation, and were not refused.
    pub(crate) cancellations: BTreeSet<String>,
    /// The orders whose owners have requested the cancellation, and were refused because it was too late. An order may be in both sets.
    pub(crate) too_late: BTreeSet<String>,
    /// The decisions about flagged orders.
    pub(crate) reviews: BTreeMap<String, Review>,
    /// How many flagged orders were cancelled before their review.
    pub(crate) cancelled_before_review: usize,
    /// How many cancellations and reviews have no clear outcome yet.
    pub(crate) open_changes: usize,
    pub(crate) sold_out: usize,
    /// Orders whose outcome is not known yet. The request must be repeated.
    pub(crate) open: Vec<Cart>,
    /// Responses that no client should ever get.
    pub(crate) wrong_answers: Vec<String>,
    /// Responses that left the outcome open, by status.
    pub(crate) unclear: BTreeMap<String, u64>,
    /// Requests for orders that were accepted before.
    pub(crate) repeats: u64,
}

impl OrderLog {
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut OrderOutcomes) -> T) -> T {
        act(&mut self.outcomes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn snapshot(&self) -> OrderOutcomes {
        self.with(|outcomes| outcomes.clone())
    }

    pub(crate) fn accepted_count(&self) -> usize {
        self.with(|outcomes| outcomes.accepted.len())
    }
}
