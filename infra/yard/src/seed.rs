//! The catalog: products with their prices and stock, in the orders table.

use anyhow::{Context, Result, anyhow};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use switchyard_events::{Sku, Usd};

use crate::{Cloud, Project, Stack};

/// Puts under way at once.
const AT_ONCE: usize = 8;

/// A product of `infra/catalog.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Product {
    pub sku: Sku,
    pub name: String,
    pub price_usd: Usd,
    pub taxable: bool,
    pub stock: u64,
}

/// Reads `infra/catalog.json`.
pub fn catalog(project: &Project) -> Result<Vec<Product>> {
    let path = project.path("infra/catalog.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not a list of products", path.display()))
}

/// Puts every product that the table does not know yet, and returns how many those were. Known ones keep their stock.
pub async fn seed(cloud: &Cloud, stack: &Stack, products: &[Product]) -> Result<usize> {
    stream::iter(products)
        .map(|product| put_if_absent(cloud, &stack.orders_table, product))
        .buffer_unordered(AT_ONCE)
        .try_fold(0, |count, new| async move { Ok(count + usize::from(new)) })
        .await
}

async fn put_if_absent(cloud: &Cloud, table: &str, product: &Product) -> Result<bool> {
    let put = cloud
        .dynamodb
        .put_item()
        .table_name(table)
        .item("pk", AttributeValue::S(format!("SKU#{}", product.sku)))
        .item("sk", AttributeValue::S("STOCK".to_owned()))
        .item("name", AttributeValue::S(product.name.clone()))
        .item("price_usd", AttributeValue::N(product.price_usd.to_string()))
        .item("taxable", AttributeValue::Bool(product.taxable))
        .item("stock", AttributeValue::N(product.stock.to_string()))
        .condition_expression("attribute_not_exists(pk)");
    match put.send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
            Ok(false)
        }
        Err(error) => Err(anyhow!(error).context(format!("{} cannot be put into the table {table}", product.sku))),
    }
}
