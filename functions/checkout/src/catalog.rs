//! What can be bought, and for how much: rows `SKU#<sku>` / `STOCK` of the orders table, remembered for a minute.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use switchyard_chassis::{Failure, Item, Key, Table, number_of, text_of};
use switchyard_events::{Sku, Usd};
use tokio::time::Instant;

/// How long a product's name and taxability may be out of date. Its price never is: it is a condition of the order's transaction.
const FRESH: Duration = Duration::from_mins(1);

/// A product as the catalog has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) name: String,
    pub(crate) price: Usd,
    pub(crate) taxable: bool,
}

impl Product {
    /// Reads a catalog row, unless it lacks something: what has no price is not for sale.
    pub(crate) fn of(item: &Item) -> Option<Self> {
        let price = item.get("price_usd")?.as_n().ok()?;
        Some(Self {
            name: text_of(item, "name")?.to_owned(),
            price: Usd::parse(price).ok().filter(|price| *price >= Usd::ZERO)?,
            taxable: *item.get("taxable")?.as_bool().ok()?,
        })
    }
}

/// How many of a product there are.
pub(crate) fn stock_of(item: &Item) -> u64 {
    number_of(item, "stock").and_then(|stock| u64::try_from(stock.trunc()).ok()).unwrap_or(0)
}

/// Where a product lies.
pub(crate) fn key_of(sku: &Sku) -> Key {
    Key::new(format!("SKU#{sku}"), "STOCK")
}

/// The products that this process has seen.
pub(crate) struct Catalog {
    table: Table,
    seen: RefCell<HashMap<Sku, (Product, Instant)>>,
}

impl Catalog {
    pub(crate) fn new(table: Table) -> Self {
        Self { table, seen: RefCell::default() }
    }

    /// These products, those that are not in memory read in one call; what does not exist is not in the answer.
    pub(crate) async fn look_up(&self, skus: &[Sku]) -> Result<HashMap<Sku, Product>, Failure> {
        let missing: Vec<&Sku> = skus.iter().filter(|sku| self.remembered(sku).is_none()).collect();
        if !missing.is_empty() {
            let rows = self.table.get_all(missing.iter().map(|sku| key_of(sku)).collect()).await?;
            for sku in missing {
                self.learn(sku, rows.get(&key_of(sku)));
            }
        }
        let found = skus.iter().filter_map(|sku| Some((sku.clone(), self.remembered(sku)?)));
        Ok(found.collect())
    }

    /// Takes over what a row says now; none, or one that cannot be read, is forgotten.
    pub(crate) fn learn(&self, sku: &Sku, row: Option<&Item>) {
        let product = row.and_then(Product::of);
        if row.is_some() && product.is_none() {
            tracing::error!(%sku, "the catalog row has no valid name, price_usd and taxable: not for sale");
        }
        let mut seen = self.seen.borrow_mut();
        match product {
            Some(product) => seen.insert(sku.clone(), (product, Instant::now())),
            None => seen.remove(sku),
        };
    }

    fn remembered(&self, sku: &Sku) -> Option<Product> {
        let seen = self.seen.borrow();
        let (product, since) = seen.get(sku)?;
        (since.elapsed() < FRESH).then(|| product.clone())
    }
}
