//! What the soak sells: products of its own, so that it knows every price and all stock.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use rust_decimal::Decimal;
use yard::{Cloud, Stack};

/// A product.
#[derive(Debug, Clone)]
pub(crate) struct Ware {
    pub(crate) sku: String,
    pub(crate) price: Decimal,
    pub(crate) taxable: bool,
    /// Before the first order.
    pub(crate) stock: i64,
}

/// Products enough for carts that share some and differ in others. The first may be scarce, and will then be sold out.
pub(crate) fn wares(orders: usize, scarcity: bool) -> Vec<Ware> {
    let plenty = i64::try_from(orders).unwrap_or(i64::MAX / 1000) * 100 + 1000;
    let scarce = i64::try_from(orders / 100).unwrap_or(0) + 3;
    let ware = |n: i64| Ware {
        sku: format!("SOAK-{n:02}"),
        // Prices whose multiples have odd cents.
        price: Decimal::new(317 * n + 99, 2),
        taxable: n % 3 != 0,
        stock: if scarcity && n == 0 { scarce } else { plenty },
    };
    (0..=12).map(ware).collect()
}

/// Puts them on sale.
pub(crate) async fn stock(cloud: &Cloud, stack: &Stack, wares: &[Ware]) -> Result<()> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    for ware in wares {
        let put = cloud.dynamodb.put_item().table_name(&stack.orders_table);
        let put = put.item("pk", AttributeValue::S(format!("SKU#{}", ware.sku))).item("sk", text("STOCK"));
        let put = put.item("name", AttributeValue::S(format!("Ware {}", ware.sku)));
        let put = put.item("price_usd", AttributeValue::N(ware.price.to_string()));
        let put = put.item("taxable", AttributeValue::Bool(ware.taxable));
        let put = put.item("stock", AttributeValue::N(ware.stock.to_string()));
        put.send().await.with_context(|| format!("{} cannot be put on sale", ware.sku))?;
    }
    Ok(())
}
