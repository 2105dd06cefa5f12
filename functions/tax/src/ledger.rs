//! The ledger line of an order.

use switchyard_chassis::Row;
use switchyard_events::{OrderLine, OrderPlaced, Subdivision, Usd};

use crate::keys::ledger_key;
use crate::month::Month;
use crate::sums::Sums;

/// A line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The place whose tax law applies: the region that the goods are shipped to.
    pub jurisdiction: Subdivision,
    /// The month (UTC) in which the order was placed.
    pub month: Month,
    /// The sum of the taxable lines.
    pub taxable: Usd,
    /// The sum of the exempt lines.
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

    /// What the entry adds to the sums of its jurisdiction. An order is one transaction, however many lines it has; it is a
    /// taxable transaction if at least one line is taxable.
    pub fn sums(&self) -> Sums {
        Sums {
            revenue: self.taxable + self.exempt,
            taxable: self.taxable,
            exempt: self.exempt,
            transactions: 1,
            taxable_transactions: u64::from(self.taxable > Usd::ZERO),
        }
    }

    /// The row of the entry.
    pub(crate) fn row(&self, order: &OrderPlaced) -> Row {
        let jurisdiction = self.jurisdiction.as_str();
        Row::new(ledger_key(&order.order_id, jurisdiction))
            .set("jurisdiction", jurisdiction)
            .set("year", self.month.year())
            .set("placed_at", order.placed_at)
            .set("taxable_usd", self.taxable)
            .set("exempt_usd", self.exempt)
    }
}

fn sum(order: &OrderPlaced, taxable: bool) -> Usd {
    let lines = order.items.iter().filter(|line| line.taxable == taxable);
    lines.map(OrderLine::amount).sum()
}
