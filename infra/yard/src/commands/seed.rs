//! `yard seed`: puts the catalog (products with their prices and stock) into the orders table.

use anyhow::{Context, Result, anyhow};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use switchyard_events::{Sku, Usd};

use crate::aws::clients::Cloud;
use crate::commands::context::{CommandContext, Completion, RegionArgs};
use crate::local::project::Project;
use crate::stack::deployed::Stack;
use crate::terminal::output::print_line;

/// How many products are put concurrently.
const PUT_CONCURRENCY: usize = 8;

#[derive(Debug, Args)]
pub(crate) struct SeedArgs {
    #[command(flatten)]
    region: RegionArgs,
}

impl SeedArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        let (cloud, stack) = context.connect(self.region.region).await?;
        let new = seed(&cloud, &stack, &read_catalog(&context.project)?).await?;
        print_line(&format!("{new} new products"))?;
        Ok(Completion::Done)
    }
}

/// A product of `infra/catalog.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Product {
    pub(crate) sku: Sku,
    pub(crate) name: String,
    pub(crate) price_usd: Usd,
    pub(crate) taxable: bool,
    pub(crate) stock: u64,
}

/// The products of `infra/catalog.json`.
pub(crate) fn read_catalog(project: &Project) -> Result<Vec<Product>> {
    let path = project.path("infra/catalog.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not a list of products", path.display()))
}

/// Puts every product that is not in the table yet, and returns their number. Products in the table keep their price and stock.
pub(crate) async fn seed(cloud: &Cloud, stack: &Stack, products: &[Product]) -> Result<usize> {
    stream::iter(products)
        .map(|product| put_if_absent(cloud, &stack.orders_table, product))
        .buffer_unordered(PUT_CONCURRENCY)
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
