//! Sales of one region, or of one product.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use analytics::Sales;
use serde::Serialize;
use switchyard_events::Usd;

use crate::terminal::table::dollars;

/// A region or a product. An order counts once for each product in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevenueLine {
    pub name: String,
    pub orders: u64,
    pub units: u64,
    pub revenue_usd: Usd,
}

impl RevenueLine {
    /// A row of the table for people.
    pub(crate) fn cells(&self) -> Vec<String> {
        cells(self.name.clone(), self.orders, self.units, self.revenue_usd)
    }
}

pub(crate) fn cells(name: String, orders: u64, units: u64, revenue: Usd) -> Vec<String> {
    vec![name, orders.to_string(), units.to_string(), dollars(revenue)]
}

/// One line per name, most revenue first.
pub(crate) fn sum_by_name<'a>(named: impl IntoIterator<Item = (&'a String, &'a Sales)>) -> Vec<RevenueLine> {
    let mut sums: BTreeMap<&String, Sales> = BTreeMap::new();
    for (name, sales) in named {
        *sums.entry(name).or_default() += *sales;
    }
    let line = |(name, sales): (&String, Sales)| RevenueLine {
        name: name.clone(),
        orders: sales.orders,
        units: sales.units,
        revenue_usd: sales.revenue,
    };
    let mut lines: Vec<_> = sums.into_iter().map(line).collect();
    lines.sort_by_key(|line| Reverse(line.revenue_usd));
    lines
}
