//! Products and their prices: rows `SKU#<sku>` / `STOCK` of the orders table, cached for a minute.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use orders::product_key;
use switchyard_chassis::{Failure, Item, Table, number_of, text_of};
use switchyard_events::{Sku, Usd};
use tokio::time::Instant;

/// How long a product is cached. Name and taxability may be out of date for so long. A price may not: the order's
/// transaction checks it.
const MAX_PRODUCT_AGE: Duration = Duration::from_mins(1);

/// A product in the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) name: String,
    pub(crate) price: Usd,
    pub(crate) taxable: bool,
}

impl Product {
    /// Parses a catalog row; none if an attribute is missing or invalid. Such a product is not for sale.
    pub(crate) fn from_row(item: &Item) -> Option<Self> {
        let price = item.get("price_usd")?.as_n().ok()?;
        Some(Self {
            name: text_of(item, "name")?.to_owned(),
            price: Usd::parse(price).ok().filter(|price| *price >= Usd::ZERO)?,
            taxable: *item.get("taxable")?.as_bool().ok()?,
        })
    }
}

/// The stock in a catalog row, in pieces.
pub(crate) fn stock_in(item: &Item) -> u64 {
    number_of(item, "stock").and_then(|stock| u64::try_from(stock.trunc()).ok()).unwrap_or(0)
}

/// The catalog, with a cache of the products that this process has read.
pub(crate) struct Catalog {
    table: Table,
    max_age: Duration,
    cache: RefCell<HashMap<Sku, (Product, Instant)>>,
}

impl Catalog {
    pub(crate) fn new(table: Table) -> Self {
        Self { table, max_age: MAX_PRODUCT_AGE, cache: RefCell::default() }
    }

    /// Returns these products, except those that do not exist. Products that are not cached are read in one call.
    pub(crate) async fn look_up(&self, skus: &[Sku]) -> Result<HashMap<Sku, Product>, Failure> {
        // Copied before the call, because the cached products may expire during it.
        let cached = skus.iter().filter_map(|sku| Some((sku.clone(), self.cached(sku)?)));
        let mut products: HashMap<Sku, Product> = cached.collect();
        let missing: Vec<&Sku> = skus.iter().filter(|sku| !products.contains_key(sku)).collect();
        if !missing.is_empty() {
            let rows = self.table.get_all(missing.iter().map(|sku| product_key(sku)).collect()).await?;
            for sku in missing {
                let row = rows.get(&product_key(sku));
                self.refresh(sku, row);
                products.extend(row.and_then(Product::from_row).map(|product| (sku.clone(), product)));
            }
        }
        Ok(products)
    }

    /// Caches the product in this row. Without a row, or with an invalid one, the product leaves the cache.
    pub(crate) fn refresh(&self, sku: &Sku, row: Option<&Item>) {
        let product = row.and_then(Product::from_row);
        if row.is_some() && product.is_none() {
            tracing::error!(%sku, "the catalog row has no valid name, price_usd and taxable: not for sale");
        }
        let mut cache = self.cache.borrow_mut();
        match product {
            Some(product) => cache.insert(sku.clone(), (product, Instant::now())),
            None => cache.remove(sku),
        };
    }

    /// Removes products from the cache, so that they are read again.
    pub(crate) fn forget<'a>(&self, skus: impl Iterator<Item = &'a Sku>) {
        let mut cache = self.cache.borrow_mut();
        for sku in skus {
            cache.remove(sku);
        }
    }

    fn cached(&self, sku: &Sku) -> Option<Product> {
        let cache = self.cache.borrow();
        let (product, cached_at) = cache.get(sku)?;
        if cached_at.elapsed() >= self.max_age {
            return None;
        }
        Some(product.clone())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A table that answers its first call after `delay`, with one product.
    async fn slow_table(delay: Duration, sku: &str) -> Table {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let row = format!(
            r#"{{"pk":{{"S":"SKU#{sku}"}},"sk":{{"S":"STOCK"}},"name":{{"S":"Tea"}},"price_usd":{{"N":"2"}},"taxable":{{"BOOL":false}}}}"#
        );
        let body = format!(r#"{{"Responses":{{"orders":[{row}]}},"UnprocessedKeys":{{}}}}"#);
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            assert!(connection.read(&mut [0; 4096]).await.unwrap() > 0);
            tokio::time::sleep(delay).await;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            connection.write_all(answer.as_bytes()).await.unwrap();
        });
        let config = Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("us-east-1"));
        let config = config.credentials_provider(Credentials::new("k", "s", None, None, "test")).endpoint_url(url);
        let http = aws_smithy_http_client::Builder::new().build_http();
        Table::new(aws_sdk_dynamodb::Client::from_conf(config.http_client(http).build()), "orders")
    }

    #[tokio::test]
    async fn product_that_expires_during_a_read_is_returned() {
        let table = slow_table(Duration::from_millis(300), "TEA").await;
        let catalog = Catalog { max_age: Duration::from_millis(200), ..Catalog::new(table) };
        let (mug, tea) = (Sku::parse("MUG").unwrap(), Sku::parse("TEA").unwrap());
        let product = Product { name: "Mug".into(), price: Usd::parse("4.00").unwrap(), taxable: true };
        catalog.cache.borrow_mut().insert(mug.clone(), (product.clone(), Instant::now()));
        let found = catalog.look_up(&[mug.clone(), tea.clone()]).await.unwrap();
        assert_eq!(found.get(&mug), Some(&product));
        assert_eq!(found[&tea].name, "Tea");
        assert_eq!(catalog.cached(&mug), None, "the read took longer than a product is cached");
    }
}
