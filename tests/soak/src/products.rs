//! The soak's own products, so that it knows every price and all stock.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use rust_decimal::Decimal;
use yard::{Cloud, Stack};

/// A product.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) sku: String,
    pub(crate) price: Decimal,
    pub(crate) taxable: bool,
    /// The stock before the first order.
    pub(crate) stock: i64,
}

/// Enough products for carts that share some and differ in others. With `scarcity` the first one is going to be sold
/// out.
pub(crate) fn catalog(orders: usize, scarcity: bool) -> Vec<Product> {
    let plenty = i64::try_from(orders).unwrap_or(i64::MAX / 1000) * 100 + 1000;
    let scarce = i64::try_from(orders / 100).unwrap_or(0) + 3;
    let product = |n: i64| Product {
        sku: format!("SOAK-{n:02}"),
        // Prices whose multiples have odd cents.
        price: Decimal::new(317 * n + 99, 2),
        taxable: n % 3 != 0,
        stock: if scarcity && n == 0 { scarce } else { plenty },
    };
    (0..=12).map(product).collect()
}

/// Writes the products and their stock into the orders table.
pub(crate) async fn put_on_sale(cloud: &Cloud, stack: &Stack, products: &[Product]) -> Result<()> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    for product in products {
        let put = cloud.dynamodb.put_item().table_name(&stack.orders_table);
        let put = put.item("pk", AttributeValue::S(format!("SKU#{}", product.sku))).item("sk", text("STOCK"));
        let put = put.item("name", AttributeValue::S(format!("Product {}", product.sku)));
        let put = put.item("price_usd", AttributeValue::N(product.price.to_string()));
        let put = put.item("taxable", AttributeValue::Bool(product.taxable));
        let put = put.item("stock", AttributeValue::N(product.stock.to_string()));
        put.send().await.with_context(|| format!("{} cannot be put on sale", product.sku))?;
    }
    Ok(())
}
