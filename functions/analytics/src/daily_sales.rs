//! The sums of one day.

use std::collections::BTreeMap;

use jiff::civil::Date;
use switchyard_chassis::{Failure, Item, Table, text_of};

use crate::keys::rollup_key;
use crate::sales::Sales;

/// The sums of a day, added up over all shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailySales {
    /// The day (UTC).
    pub date: Date,
    /// By region, such as `US-CA`.
    pub regions: BTreeMap<String, Sales>,
    /// By product.
    pub skus: BTreeMap<String, Sales>,
}

impl DailySales {
    /// A day without sales.
    pub fn new(date: Date) -> Self {
        let (regions, skus) = (BTreeMap::new(), BTreeMap::new());
        Self { date, regions, skus }
    }

    /// Reads the sums of a day, strongly consistent. A row that cannot be parsed is rejected as `unreadable_sum`.
    pub async fn read(table: &Table, date: Date) -> Result<Self, Failure> {
        let mut day = Self::new(date);
        for row in table.query(&rollup_key(&date.to_string()).pk, "").await? {
            day.add_row(&row)?;
        }
        Ok(day)
    }

    /// The sum of all regions.
    pub fn total(&self) -> Sales {
        self.regions.values().copied().sum()
    }

    /// Adds a row whose sort key is `REGION#<region>#<shard>` or `SKU#<sku>#<shard>`.
    fn add_row(&mut self, row: &Item) -> Result<(), Failure> {
        let sk = text_of(row, "sk").unwrap_or_default();
        let mut parts = sk.split('#');
        let sums = match parts.next() {
            Some("REGION") => &mut self.regions,
            Some("SKU") => &mut self.skus,
            _ => return Err(unreadable(sk)),
        };
        let name = parts.next().ok_or_else(|| unreadable(sk))?;
        *sums.entry(name.to_owned()).or_default() += Sales::from_item(row).ok_or_else(|| unreadable(sk))?;
        Ok(())
    }
}

fn unreadable(sk: &str) -> Failure {
    Failure::reject("unreadable_sum", format!("the row {sk}"))
}
