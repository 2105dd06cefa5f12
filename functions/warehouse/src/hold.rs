//! How decisions about an order change its pick.
//!
//! An order is in at most one wave at any time. It is listed when that wave is closed, unless it is held then. The rows alone
//! must show whether it was listed, at any later time. Therefore a hold does not change what a closed wave lists: a pick held
//! in a closed wave can only move to an open wave, and a listed pick cannot be held any more.

use switchyard_chassis::{Condition, Item, Update, count_of, text_of};
use switchyard_events::OrderId;

use crate::wave::Wave;

/// A decision of fraud about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The order.
    pub order_id: OrderId,
    /// The sequence number of its event. A decision with a higher one replaces those with lower ones.
    pub sequence: u64,
    /// Whether the order was flagged and waits for a review.
    pub flagged: bool,
}

/// The effect of the latest decision on an order's pick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hold {
    /// The sequence number of the decision.
    pub sequence: u64,
    /// Whether the pick is left out when its wave is listed.
    pub held: bool,
    /// The wave that the pick was moved to, after its first wave had been closed without it.
    pub moved_to: Option<Wave>,
    /// Whether the flag arrived after the pick had been listed.
    pub too_late: bool,
}

/// Where an order's pick is when a decision arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PickLocation {
    /// The order has not arrived yet.
    NotReceived,
    /// In a wave that accepts picks.
    OpenWave,
    /// In a wave that is closed.
    ClosedWave,
}

/// The effect of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionEffect {
    /// None: a later decision is stored already.
    Outdated,
    /// The hold changes; the pick remains in its wave.
    UpdateHold(Hold),
    /// The pick moves to an open wave, which the caller sets in the hold.
    MoveToOpenWave(Hold),
}

/// The effect of a decision on a pick, given the effect of the decisions before.
pub fn decide(decision: &Decision, before: Option<Hold>, location: PickLocation) -> DecisionEffect {
    let Decision { sequence, flagged, .. } = *decision;
    let before = match before {
        Some(before) if before.sequence >= sequence => return DecisionEffect::Outdated,
        before => before.unwrap_or_default(),
    };
    let listed = location == PickLocation::ClosedWave && !before.held;
    let hold = Hold { sequence, held: flagged && !listed, moved_to: before.moved_to, too_late: flagged && listed };
    match location {
        PickLocation::ClosedWave if before.held && !flagged => DecisionEffect::MoveToOpenWave(hold),
        _ => DecisionEffect::UpdateHold(hold),
    }
}

impl Hold {
    /// Parses the row of a hold. `None` if it has no sequence.
    pub fn from_item(row: &Item) -> Option<Self> {
        let flag = |name: &str| row.get(name).and_then(|value| value.as_bool().ok().copied()).unwrap_or_default();
        Some(Self {
            sequence: count_of(row, "sequence")?,
            held: flag("held"),
            moved_to: text_of(row, "wave").and_then(|wave| wave.parse().ok()),
            too_late: flag("too_late"),
        })
    }

    /// The update of the row, on condition that it is as it was read.
    pub(crate) fn update(self, before: Option<Self>) -> Update {
        let unchanged = match before {
            Some(before) => Condition::equals("sequence", before.sequence),
            None => Condition::missing("sequence"),
        };
        let update = Update::new().set("sequence", self.sequence).set("held", self.held).set("too_late", self.too_late);
        match self.moved_to {
            Some(wave) => update.set("wave", wave.to_string()),
            None => update,
        }
        .when(unchanged)
    }
}

/// The wave that contains an order's pick: the first one, or the one that the pick was moved to.
pub fn current_wave(first_wave: Wave, hold: Option<Hold>) -> Wave {
    hold.and_then(|hold| hold.moved_to).unwrap_or(first_wave)
}

/// Whether the list of a closed wave contains the pick.
pub fn is_listed(wave: Wave, first_wave: Wave, hold: Option<Hold>) -> bool {
    current_wave(first_wave, hold) == wave && !hold.is_some_and(|hold| hold.held)
}

#[cfg(test)]
mod tests;
