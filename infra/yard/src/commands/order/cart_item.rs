//! One `--sku SKU:QTY`.

use std::str::FromStr;

/// A product and how many of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CartItem {
    pub(crate) sku: String,
    /// Any whole number: the API decides whether it is valid.
    pub(crate) quantity: i64,
}

impl FromStr for CartItem {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (sku, quantity) = text.rsplit_once(':').unwrap_or((text, "1"));
        let quantity = quantity
            .parse()
            .map_err(|_| format!("{quantity:?} is no whole number: write SKU:QTY, such as MUG-01:2"))?;
        if sku.is_empty() {
            return Err("the SKU is missing: write SKU:QTY, such as MUG-01:2".to_owned());
        }
        Ok(Self { sku: sku.to_owned(), quantity })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, i64)>) {
        let parsed: Option<CartItem> = text.parse().ok();
        assert_eq!(parsed.as_ref().map(|item| (item.sku.as_str(), item.quantity)), expected, "{text}");
    }

    #[test]
    fn cart_item_parses_sku_and_quantity() {
        check("MUG-01:2", Some(("MUG-01", 2)));
        check("MUG-01", Some(("MUG-01", 1)));
        check("MUG-01:-3", Some(("MUG-01", -3)));
        check("A:B:4", Some(("A:B", 4)));
        check("MUG-01:two", None);
        check("MUG-01:", None);
        check(":2", None);
    }
}
