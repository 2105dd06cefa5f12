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
    pub orders: i64,
    /// Cancelled orders, which the other sums do not contain.
    pub cancelled: i64,
    pub units: i64,
    pub revenue_usd: Usd,
}

impl RevenueLine {
    /// A row of the table for people.
    pub(crate) fn cells(&self) -> Vec<String> {
        let Self { orders, cancelled, units, revenue_usd, .. } = *self;
        cells(self.name.clone(), Sales { orders, units, revenue: revenue_usd, cancelled })
    }
}

pub(crate) fn cells(name: String, sales: Sales) -> Vec<String> {
    let Sales { orders, units, revenue, cancelled } = sales;
    vec![name, orders.to_string(), cancelled.to_string(), units.to_string(), dollars(revenue)]
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
        cancelled: sales.cancelled,
        units: sales.units,
        revenue_usd: sales.revenue,
    };
    let mut lines: Vec<_> = sums.into_iter().map(line).collect();
    lines.sort_by_key(|line| Reverse(line.revenue_usd));
    lines
}
