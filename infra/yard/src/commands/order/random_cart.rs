//! What an order consists of if the command line does not say it.

use anyhow::{Result, ensure};
use fastrand::Rng;
use switchyard_events::Usd;

use crate::commands::order::cart_item::CartItem;
use crate::commands::seed::Product;

/// The fraud score of a new customer's order rises above this price, and a random order should not be flagged.
const MAX_PRICE_USD: i64 = 100;

/// One to three different products up to [`MAX_PRICE_USD`], one or two of each.
pub(crate) fn random_items(catalog: &[Product], random: &mut Rng) -> Result<Vec<CartItem>> {
    let ordinary = catalog.iter().filter(|product| product.price_usd <= Usd::from_cents(MAX_PRICE_USD * 100));
    let count = random.usize(1..=3);
    let products = random.choose_multiple(ordinary, count);
    ensure!(!products.is_empty(), "the catalog has nothing up to {MAX_PRICE_USD} dollars: name products with --sku");
    let item = |product: &Product| CartItem { sku: product.sku.to_string(), quantity: random.i64(1..=2) };
    Ok(products.into_iter().map(item).collect())
}

/// Lower-case letters and digits.
pub(crate) fn random_name(length: usize, random: &mut Rng) -> String {
    std::iter::repeat_with(|| random.alphanumeric()).take(length).collect::<String>().to_ascii_lowercase()
}
