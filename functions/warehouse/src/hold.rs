//! What decisions about an order mean for its pick.
//!
//! An order has at most one wave at any time, and is listed when that wave is closed unless it is held then. So that this can be
//! told from the rows alone, whoever asks and however late, a hold never changes behind a closed wave's back: while it is
//! closed, a held pick can only leave it for an open one, and a pick that was listed can not be held any more.

use switchyard_chassis::{Condition, Item, Key, Update, count_of, text_of};
use switchyard_events::OrderId;

use crate::Wave;

/// A decision about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The order.
    pub order_id: OrderId,
    /// Its place among all facts about the order: a later one overrules.
    pub sequence: u64,
    /// Whether the order must wait for a person.
    pub flagged: bool,
}

/// What the latest decision means for an order's pick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hold {
    /// The decision's sequence.
    pub sequence: u64,
    /// Whether the pick stays out of the list of its wave.
    pub held: bool,
    /// The wave that it was released into, after the one it was in had been closed without it.
    pub moved_to: Option<Wave>,
    /// The flag came when the pick had been listed.
    pub too_late: bool,
}

/// Where an order's pick is when a decision comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The order has not come yet.
    Nowhere,
    /// In a wave that still takes picks.
    Open,
    /// In a wave that is closed.
    Closed,
}

/// What a decision does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing: a later one is known.
    Overruled,
    /// The pick stays where it is.
    Stay(Hold),
    /// The pick goes into a wave that is open now; the hold is yet to be told which.
    Move(Hold),
}

/// What a decision does to a pick, given what was decided before.
pub fn decide(decision: &Decision, before: Option<Hold>, place: Place) -> Step {
    let Decision { sequence, flagged, .. } = *decision;
    let before = match before {
        Some(before) if before.sequence >= sequence => return Step::Overruled,
        before => before.unwrap_or_default(),
    };
    let listed = place == Place::Closed && !before.held;
    let hold = Hold { sequence, held: flagged && !listed, moved_to: before.moved_to, too_late: flagged && listed };
    match place {
        Place::Closed if before.held && !flagged => Step::Move(hold),
        _ => Step::Stay(hold),
    }
}

impl Hold {
    /// Where an order's hold lies.
    pub fn key(order_id: &OrderId) -> Key {
        Key::new(format!("ORDER#{order_id}"), "HOLD")
    }

    /// Reads the row.
    pub fn from_item(row: &Item) -> Option<Self> {
        let truth = |name: &str| row.get(name).and_then(|value| value.as_bool().ok().copied()).unwrap_or_default();
        Some(Self {
            sequence: count_of(row, "sequence")?,
            held: truth("held"),
            moved_to: text_of(row, "wave").and_then(|wave| wave.parse().ok()),
            too_late: truth("too_late"),
        })
    }

    /// The row's change, only over what was read.
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

/// The one wave that an order's pick is in: the one it came into, or the one it was released into.
pub fn current(came_into: Wave, hold: Option<Hold>) -> Wave {
    hold.and_then(|hold| hold.moved_to).unwrap_or(came_into)
}

/// Whether a closed wave's list has the pick.
pub fn is_listed(wave: Wave, came_into: Wave, hold: Option<Hold>) -> bool {
    current(came_into, hold) == wave && !hold.is_some_and(|hold| hold.held)
}

#[cfg(test)]
mod tests;
