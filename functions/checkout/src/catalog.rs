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
    fresh: Duration,
    seen: RefCell<HashMap<Sku, (Product, Instant)>>,
}

impl Catalog {
    pub(crate) fn new(table: Table) -> Self {
        Self { table, fresh: FRESH, seen: RefCell::default() }
    }

    /// These products, those that are not in memory read in one call; what does not exist is not in the answer.
    ///
    /// What is in memory is taken out of it before the call and not after: a call may take so long that it is forgotten meanwhile.
    pub(crate) async fn look_up(&self, skus: &[Sku]) -> Result<HashMap<Sku, Product>, Failure> {
        let known = skus.iter().filter_map(|sku| Some((sku.clone(), self.remembered(sku)?)));
        let mut products: HashMap<Sku, Product> = known.collect();
        let missing: Vec<&Sku> = skus.iter().filter(|sku| !products.contains_key(sku)).collect();
        if !missing.is_empty() {
            let rows = self.table.get_all(missing.iter().map(|sku| key_of(sku)).collect()).await?;
            for sku in missing {
                let row = rows.get(&key_of(sku));
                self.learn(sku, row);
                products.extend(row.and_then(Product::of).map(|product| (sku.clone(), product)));
            }
        }
        Ok(products)
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
        (since.elapsed() < self.fresh).then(|| product.clone())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A table that answers its first call so late, and with one product.
    async fn table(late: Duration, sku: &str) -> Table {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let row = format!(
            r#"{{"pk":{{"S":"SKU#{sku}"}},"sk":{{"S":"STOCK"}},"name":{{"S":"Tea"}},"price_usd":{{"N":"2"}},"taxable":{{"BOOL":false}}}}"#
        );
        let body = format!(r#"{{"Responses":{{"orders":[{row}]}},"UnprocessedKeys":{{}}}}"#);
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            assert!(connection.read(&mut [0; 4096]).await.unwrap() > 0);
            tokio::time::sleep(late).await;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            connection.write_all(answer.as_bytes()).await.unwrap();
        });
        let config = Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("us-east-1"));
        let config = config.credentials_provider(Credentials::new("k", "s", None, None, "test")).endpoint_url(url);
        let http = aws_smithy_http_client::Builder::new().build_http();
        Table::new(aws_sdk_dynamodb::Client::from_conf(config.http_client(http).build()), "orders")
    }

    #[tokio::test]
    async fn a_product_that_is_forgotten_while_another_is_read_is_still_known() {
        let table = table(Duration::from_millis(300), "TEA").await;
        let catalog = Catalog { fresh: Duration::from_millis(200), ..Catalog::new(table) };
        let (mug, tea) = (Sku::parse("MUG").unwrap(), Sku::parse("TEA").unwrap());
        let product = Product { name: "Mug".into(), price: Usd::parse("4.00").unwrap(), taxable: true };
        catalog.seen.borrow_mut().insert(mug.clone(), (product.clone(), Instant::now()));
        let found = catalog.look_up(&[mug.clone(), tea.clone()]).await.unwrap();
        assert_eq!(found.get(&mug), Some(&product));
        assert_eq!(found[&tea].name, "Tea");
        assert_eq!(catalog.remembered(&mug), None, "it took longer than a product is remembered");
    }
}
