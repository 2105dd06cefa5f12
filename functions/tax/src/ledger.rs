//! The ledger line of an order, and the line that reverses it.

use switchyard_chassis::Row;
use switchyard_events::{OrderCancelled, OrderLine, OrderPlaced, PlacedOrCancelled, Subdivision, Usd};

use crate::keys::{ledger_key, reversal_key};
use crate::month::Month;
use crate::sums::Sums;
use crate::time_zone::SellerTimeZone;

/// A line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The place whose tax law applies: the region that the goods are shipped to.
    pub jurisdiction: Subdivision,
    /// The month, in the seller's time zone, in which the order was placed.
    pub month: Month,
    /// The sum of the taxable lines; negative in a reversal.
    pub taxable: Usd,
    /// The sum of the exempt lines; negative in a reversal.
    pub exempt: Usd,
    /// Whether the entry reverses that of a cancelled order.
    pub is_reversal: bool,
}

impl LedgerEntry {
    /// The entry of an order, or of its cancellation. A cancelled sale is no sale, in any month: the reversal belongs to the month of
    /// the order, and its amounts are the order's, negated. So entries may be added in any order.
    pub fn from_event(event: &PlacedOrCancelled, zone: &SellerTimeZone) -> Self {
        let order = event.order();
        let entry = Self {
            jurisdiction: order.ship_to.reveal().subdivision(),
            month: Month::from_date(zone.date(order.placed_at)),
            taxable: sum(order, true),
            exempt: sum(order, false),
            is_reversal: false,
        };
        match event {
            PlacedOrCancelled::Placed(_) => entry,
            PlacedOrCancelled::Cancelled(_) => {
                Self { taxable: -entry.taxable, exempt: -entry.exempt, is_reversal: true, ..entry }
            }
        }
    }

    /// What the entry adds to the sums of its jurisdiction. An order is one transaction, however many lines it has; it is a
    /// taxable transaction if at least one line is taxable.
    pub fn sums(&self) -> Sums {
        let transactions = if self.is_reversal { -1 } else { 1 };
        Sums {
            revenue: self.taxable + self.exempt,
            taxable: self.taxable,
            exempt: self.exempt,
            transactions,
            taxable_transactions: if self.taxable == Usd::ZERO { 0 } else { transactions },
        }
    }

    /// The row of the entry.
    pub(crate) fn row(&self, event: &PlacedOrCancelled) -> Row {
        let (order, jurisdiction) = (event.order(), self.jurisdiction.as_str());
        let row = match event {
            PlacedOrCancelled::Placed(_) => Row::new(ledger_key(&order.order_id, jurisdiction)),
            PlacedOrCancelled::Cancelled(cancelled) => {
                let OrderCancelled { cancelled_at, reason, .. } = **cancelled;
                let row = Row::new(reversal_key(&order.order_id, jurisdiction));
                row.set("cancelled_at", cancelled_at).set("reason", reason.as_str())
            }
        };
        row.set("jurisdiction", jurisdiction)
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
