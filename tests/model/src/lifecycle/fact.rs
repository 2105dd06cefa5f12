//! The facts about an order.

use std::fmt;

/// What is stated about an order. A fact is stated by the transaction that writes its row, so it stands for that row, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fact {
    /// `OrderPlaced`
    Placed,
    /// `OrderConfirmed`, after the score
    Confirmed,
    /// `OrderFlagged`
    Flagged,
    /// `OrderConfirmed`, after the review
    ReviewConfirmed,
    /// `OrderRejected`, after the review
    Rejected,
    /// `CancellationRequested`
    Requested,
    /// `PickWithdrawn`, because the owner requested it
    WithdrawnOnRequest,
    /// `PickWithdrawn`, because the order was rejected
    WithdrawnOnRejection,
    /// `PickWithdrawalRefused`
    WithdrawalRefused,
    /// `OrderCancelled`, because the owner requested it
    CancelledOnRequest,
    /// `OrderCancelled`, because the order was rejected
    CancelledOnRejection,
}

impl Fact {
    const ALL: [Self; 11] = [
        Self::Placed,
        Self::Confirmed,
        Self::Flagged,
        Self::ReviewConfirmed,
        Self::Rejected,
        Self::Requested,
        Self::WithdrawnOnRequest,
        Self::WithdrawnOnRejection,
        Self::WithdrawalRefused,
        Self::CancelledOnRequest,
        Self::CancelledOnRejection,
    ];
    /// The results of a score.
    pub(super) const SCORES: [Self; 2] = [Self::Confirmed, Self::Flagged];
    /// The results of a review.
    pub(super) const REVIEWS: [Self; 2] = [Self::ReviewConfirmed, Self::Rejected];
    /// The warehouse's answers to a request or rejection.
    pub(super) const ANSWERS: [Self; 3] =
        [Self::WithdrawnOnRequest, Self::WithdrawnOnRejection, Self::WithdrawalRefused];
    /// The cancellations.
    pub(super) const CANCELLATIONS: [Self; 2] = [Self::CancelledOnRequest, Self::CancelledOnRejection];

    /// Whether the warehouse has to answer it.
    pub(super) fn needs_answer(self) -> bool {
        matches!(self, Self::Requested | Self::Rejected)
    }

    /// Whether one of the consumers in the model subscribes to it.
    pub(super) fn has_subscriber(self) -> bool {
        !matches!(self, Self::Flagged | Self::CancelledOnRequest | Self::CancelledOnRejection)
    }
}

/// A set of facts (a bit each).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FactSet(u16);

impl FactSet {
    pub(super) fn has(self, fact: Fact) -> bool {
        self.0 >> fact as u16 & 1 == 1
    }

    pub(super) fn has_any(self, facts: &[Fact]) -> bool {
        facts.iter().any(|fact| self.has(*fact))
    }

    /// Whether it has two of these.
    pub(super) fn has_two(self, facts: &[Fact]) -> bool {
        facts.iter().filter(|fact| self.has(**fact)).count() > 1
    }

    pub(super) fn insert(&mut self, fact: Fact) {
        self.0 |= 1 << fact as u16;
    }

    pub(super) fn remove_if(&mut self, fact: Fact, is_removed: bool) {
        self.0 &= !(u16::from(is_removed) << fact as u16);
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Fact> {
        Fact::ALL.into_iter().filter(move |fact| self.has(*fact))
    }
}

impl fmt::Debug for FactSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
