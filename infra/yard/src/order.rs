//! `yard order`: carts, and what the API answers to them.

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::{Result, ensure};
use clap::Args;
use fastrand::Rng;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use switchyard_events::Usd;

use crate::seed::Product;
use crate::{Api, HttpResponse};

/// One `--sku SKU:QTY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub sku: String,
    /// Any whole number: whether it makes sense is for the API to say.
    pub quantity: i64,
}

impl FromStr for Item {
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

/// What to order, and for whom. Whatever is left out is made up.
#[derive(Debug, Clone, Args)]
pub struct Wish {
    /// A product and how many of it; may be repeated [default: one to three of the catalog]
    #[arg(long = "sku", value_name = "SKU:QTY")]
    pub items: Vec<Item>,
    /// [default: a new one]
    #[arg(long)]
    pub user: Option<String>,
    /// [default: the user at example.com]
    #[arg(long)]
    pub email: Option<String>,
    /// The state that the goods go to
    #[arg(long, default_value = "CA")]
    pub region: String,
    #[arg(long, default_value = "94107")]
    pub postal_code: String,
    /// The same key again gives the same order again
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

impl Default for Wish {
    fn default() -> Self {
        let (region, postal_code) = ("CA".to_owned(), "94107".to_owned());
        Self { items: vec![], user: None, email: None, region, postal_code, idempotency_key: None }
    }
}

impl Wish {
    /// The cart that the API takes.
    pub fn cart(&self, catalog: &[Product]) -> Result<Value> {
        let mut chance = self.chance();
        let user = self.user.clone().unwrap_or_else(|| format!("usr_{}", letters(8, &mut chance)));
        let items = if self.items.is_empty() { some_of(catalog, &mut chance)? } else { self.items.clone() };
        let email = self.email.clone().unwrap_or_else(|| format!("{user}@example.com"));
        let items: Vec<Value> = items.iter().map(|item| json!({"sku": item.sku, "quantity": item.quantity})).collect();
        Ok(json!({
            "user_id": user,
            "email": email,
            "items": items,
            "ship_to": {"country": "US", "region": self.region, "postal_code": self.postal_code},
        }))
    }

    /// What is left out is made up the same way for the same key: the same key with another cart would be a conflict.
    fn chance(&self) -> Rng {
        match &self.idempotency_key {
            Some(key) => {
                Rng::with_seed(key.bytes().fold(0, |seed, byte| Rng::with_seed(seed ^ u64::from(byte)).u64(..)))
            }
            None => Rng::new(),
        }
    }

    /// Places it once.
    pub async fn place(&self, api: &Api, catalog: &[Product]) -> Result<Answer> {
        let key: Vec<(&str, &str)> = self.idempotency_key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
        Ok(Answer::of(&api.checkout(&self.cart(catalog)?, &key).await?))
    }
}

/// What the API said. As JSON it has these three fields and then all that the answer itself had, spelled as it spelled it.
#[derive(Debug, Serialize)]
pub struct Answer {
    pub order_id: Option<Box<RawValue>>,
    /// `received`; the HTTP status again where the answer is a problem.
    pub status: Option<Box<RawValue>>,
    pub http_status: u16,
    #[serde(flatten)]
    pub rest: BTreeMap<String, Box<RawValue>>,
}

impl Answer {
    /// Reads a reply, whatever it is.
    pub fn of(reply: &HttpResponse) -> Self {
        let mut rest: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&reply.body).unwrap_or_else(|_| {
            let text = Value::from(String::from_utf8_lossy(&reply.body));
            serde_json::value::to_raw_value(&text).map(|raw| ("body".to_owned(), raw)).into_iter().collect()
        });
        rest.remove("http_status");
        Self { order_id: rest.remove("order_id"), status: rest.remove("status"), http_status: reply.status, rest }
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.http_status)
    }

    /// The order's id, when there is one.
    pub fn order_id(&self) -> Option<String> {
        serde_json::from_str(self.order_id.as_ref()?.get()).ok()
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let text =
            |raw: Option<&Box<RawValue>>| raw.map(|raw| raw.get().trim_matches('"').to_owned()).unwrap_or_default();
        if self.is_success() {
            let total = text(self.rest.get("total_usd"));
            return format!(
                "{}  {}  ${total}  HTTP {}",
                text(self.order_id.as_ref()),
                text(self.status.as_ref()),
                self.http_status
            );
        }
        let said = self.rest.iter().map(|(key, raw)| format!("{key}: {}", raw.get()));
        format!("refused  HTTP {}  {}", self.http_status, said.collect::<Vec<_>>().join("  "))
    }
}

/// Above this price a stranger's order may look like fraud, and an order made up here should be an ordinary one.
const ORDINARY_USD: i64 = 100;

/// One to three different ordinary products, one or two of each.
fn some_of(catalog: &[Product], chance: &mut Rng) -> Result<Vec<Item>> {
    let ordinary = catalog.iter().filter(|product| product.price_usd <= Usd::from_cents(ORDINARY_USD * 100));
    let count = chance.usize(1..=3);
    let products = chance.choose_multiple(ordinary, count);
    ensure!(!products.is_empty(), "the catalog has nothing up to {ORDINARY_USD} dollars: name products with --sku");
    let item = |product: &Product| Item { sku: product.sku.to_string(), quantity: chance.i64(1..=2) };
    Ok(products.into_iter().map(item).collect())
}

fn letters(count: usize, chance: &mut Rng) -> String {
    std::iter::repeat_with(|| chance.alphanumeric()).take(count).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, i64)>) {
        let parsed: Option<Item> = text.parse().ok();
        assert_eq!(parsed.as_ref().map(|item| (item.sku.as_str(), item.quantity)), expected, "{text}");
    }

    #[test]
    fn an_item_is_a_sku_and_a_quantity() {
        check("MUG-01:2", Some(("MUG-01", 2)));
        check("MUG-01", Some(("MUG-01", 1)));
        check("MUG-01:-3", Some(("MUG-01", -3)));
        check("A:B:4", Some(("A:B", 4)));
        check("MUG-01:two", None);
        check("MUG-01:", None);
        check(":2", None);
    }

    #[test]
    fn what_is_left_out_is_made_up() {
        let text = r#"[{"sku": "MUG-01", "name": "Mug", "price_usd": 44.75, "taxable": true, "stock": 5}]"#;
        let catalog: Vec<Product> = serde_json::from_str(text).unwrap();
        let cart = Wish::default().cart(&catalog).unwrap();
        assert_eq!(cart["items"][0]["sku"], "MUG-01");
        let user = cart["user_id"].as_str().unwrap();
        assert!(user.starts_with("usr_") && cart["email"] == format!("{user}@example.com"));
        assert!(Wish::default().cart(&[]).is_err());
    }

    #[test]
    fn the_same_key_makes_up_the_same_cart() {
        let text = r#"[{"sku": "MUG-01", "name": "Mug", "price_usd": 44.75, "taxable": true, "stock": 5},
            {"sku": "CUP-01", "name": "Cup", "price_usd": 4.75, "taxable": true, "stock": 5}]"#;
        let catalog: Vec<Product> = serde_json::from_str(text).unwrap();
        let cart = |key: Option<&str>| {
            Wish { idempotency_key: key.map(str::to_owned), ..Wish::default() }.cart(&catalog).unwrap()
        };
        assert_eq!(cart(Some("a")), cart(Some("a")));
        assert_ne!(cart(Some("a")), cart(Some("b")));
        assert_ne!(cart(Some("ab")), cart(Some("ba")));
        assert_ne!(cart(None), cart(None));
    }

    fn answer(status: u16, body: &str) -> String {
        serde_json::to_string(&Answer::of(&HttpResponse { status, headers: vec![], body: body.into() })).unwrap()
    }

    #[test]
    fn an_answer_keeps_its_fields_and_their_spelling() {
        assert_eq!(
            answer(202, r#"{"total_usd":89.50,"order_id":"ord_1","status":"received"}"#),
            r#"{"order_id":"ord_1","status":"received","http_status":202,"total_usd":89.50}"#,
        );
        assert_eq!(
            answer(422, r#"{"title":"bad cart","status":422}"#),
            r#"{"order_id":null,"status":422,"http_status":422,"title":"bad cart"}"#,
        );
        assert_eq!(answer(502, "oops"), r#"{"order_id":null,"status":null,"http_status":502,"body":"oops"}"#);
    }
}
