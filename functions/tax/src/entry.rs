//! What an order adds to the ledger.

use switchyard_events::{OrderLine, OrderPlaced, Subdivision, Usd};

use crate::{Month, Sums};

/// A line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The place whose tax law applies: where the goods go.
    pub jurisdiction: Subdivision,
    /// When the order was placed (UTC).
    pub month: Month,
    /// What its taxable lines come to.
    pub taxable: Usd,
    /// What its exempt lines come to.
    pub exempt: Usd,
}

impl LedgerEntry {
    /// The entry of an order.
    pub fn from_order(order: &OrderPlaced) -> Self {
        Self {
            jurisdiction: order.ship_to.reveal().subdivision(),
            month: Month::from_timestamp(order.placed_at),
            taxable: sum(order, true),
            exempt: sum(order, false),
        }
    }

    /// What it adds to its jurisdiction's sums. An order is one transaction, whatever it holds; it is a taxable one if it holds
    /// a taxable line.
    pub fn sums(&self) -> Sums {
        Sums {
            revenue: self.taxable + self.exempt,
            taxable: self.taxable,
            exempt: self.exempt,
            transactions: 1,
            taxable_transactions: u64::from(self.taxable > Usd::ZERO),
        }
    }
}

fn sum(order: &OrderPlaced, taxable: bool) -> Usd {
    let lines = order.items.iter().filter(|line| line.taxable == taxable);
    lines.map(OrderLine::amount).sum()
}
