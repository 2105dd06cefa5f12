//! `yard order`: places orders through the API.

mod cart_item;
pub(crate) mod checkout_response;
mod random_cart;

use anyhow::Result;
use clap::Args;
use fastrand::Rng;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::aws::api::Api;
use crate::commands::context::{CommandContext, Completion, JsonArgs};
use crate::commands::order::cart_item::CartItem;
use crate::commands::order::checkout_response::CheckoutResponse;
use crate::commands::order::random_cart::{random_items, random_name};
use crate::commands::seed::{Product, read_catalog};
use crate::terminal::output::print_result;

/// The mailbox simulator of SES. It accepts mail in the sandbox, too; mail to `example.com` would bounce and harm the account's
/// reputation (<https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html>, 2026-11-21).
const SES_SIMULATOR: &str = "success@simulator.amazonses.com";

/// How many orders are placed concurrently with `--count`.
const CONCURRENCY: usize = 8;

/// What to order, and for whom. What is left out is made up.
#[derive(Debug, Args)]
pub(crate) struct OrderArgs {
    /// A product and how many of it; may be repeated [default: one to three of the catalog]
    #[arg(long = "sku", value_name = "SKU:QTY")]
    items: Vec<CartItem>,
    /// [default: a new one]
    #[arg(long)]
    user: Option<String>,
    /// [default: the user at example.com; with --aws the simulator of SES]
    #[arg(long)]
    email: Option<String>,
    /// The state that the goods go to
    #[arg(long, default_value = "CA")]
    pub(crate) region: String,
    #[arg(long, default_value = "94107")]
    postal_code: String,
    /// The same key again gives the same order again
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// How many orders
    #[arg(long, default_value_t = 1)]
    count: usize,
    #[command(flatten)]
    json: JsonArgs,
}

impl OrderArgs {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<Completion> {
        let (cloud, stack) = context.connect(None).await?;
        let (api, catalog) = (stack.api(&cloud)?, read_catalog(&context.project)?);
        let aws = context.target.aws;
        let orders = stream::iter(0..self.count).map(|_| self.place(&api, &catalog, aws));
        let mut responses = orders.buffer_unordered(CONCURRENCY);
        let mut all_accepted = true;
        while let Some(response) = responses.next().await {
            let response = response?;
            all_accepted &= response.is_success();
            print_result(&response, self.json.json, CheckoutResponse::render)?;
        }
        Ok(Completion::from_success(all_accepted))
    }

    /// Places one order.
    async fn place(&self, api: &Api, catalog: &[Product], aws: bool) -> Result<CheckoutResponse> {
        let key: Vec<(&str, &str)> = self.idempotency_key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
        let response = api.checkout(&self.cart(catalog, aws)?, &key).await?;
        Ok(CheckoutResponse::from_http(&response))
    }

    /// The request body. Fails if products have to be made up and the catalog has no suitable one.
    fn cart(&self, catalog: &[Product], aws: bool) -> Result<Value> {
        let mut random = self.random();
        let user = self.user.clone().unwrap_or_else(|| format!("usr_{}", random_name(8, &mut random)));
        let items = if self.items.is_empty() { random_items(catalog, &mut random)? } else { self.items.clone() };
        let made_up = || if aws { SES_SIMULATOR.to_owned() } else { format!("{user}@example.com") };
        let email = self.email.clone().unwrap_or_else(made_up);
        let items: Vec<Value> = items.iter().map(|item| json!({"sku": item.sku, "quantity": item.quantity})).collect();
        Ok(json!({
            "user_id": user,
            "email": email,
            "items": items,
            "ship_to": {"country": "US", "region": self.region, "postal_code": self.postal_code},
        }))
    }

    /// The same idempotency key makes up the same cart: with another cart, the API answers 409.
    fn random(&self) -> Rng {
        match &self.idempotency_key {
            Some(key) => {
                Rng::with_seed(key.bytes().fold(0, |seed, byte| Rng::with_seed(seed ^ u64::from(byte)).u64(..)))
            }
            None => Rng::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(idempotency_key: Option<&str>) -> OrderArgs {
        OrderArgs {
            items: vec![],
            user: None,
            email: None,
            region: "CA".to_owned(),
            postal_code: "94107".to_owned(),
            idempotency_key: idempotency_key.map(str::to_owned),
            count: 1,
            json: JsonArgs::default(),
        }
    }

    #[test]
    fn order_without_arguments_gets_random_cart() {
        let text = r#"[{"sku": "MUG-01", "name": "Mug", "price_usd": 44.75, "taxable": true, "stock": 5}]"#;
        let catalog: Vec<Product> = serde_json::from_str(text).unwrap();
        let cart = order(None).cart(&catalog, false).unwrap();
        assert_eq!(cart["items"][0]["sku"], "MUG-01");
        let user = cart["user_id"].as_str().unwrap();
        assert!(user.starts_with("usr_") && cart["email"] == format!("{user}@example.com"));
        assert!(order(None).cart(&[], false).is_err());
        assert_eq!(order(None).cart(&catalog, true).unwrap()["email"], "success@simulator.amazonses.com");
        let given = OrderArgs { email: Some("ada@shop.test".to_owned()), ..order(None) };
        assert_eq!(given.cart(&catalog, true).unwrap()["email"], "ada@shop.test");
    }

    #[test]
    fn same_idempotency_key_gives_same_random_cart() {
        let text = r#"[{"sku": "MUG-01", "name": "Mug", "price_usd": 44.75, "taxable": true, "stock": 5},
            {"sku": "CUP-01", "name": "Cup", "price_usd": 4.75, "taxable": true, "stock": 5}]"#;
        let catalog: Vec<Product> = serde_json::from_str(text).unwrap();
        let cart = |key: Option<&str>| order(key).cart(&catalog, false).unwrap();
        assert_eq!(cart(Some("a")), cart(Some("a")));
        assert_ne!(cart(Some("a")), cart(Some("b")));
        assert_ne!(cart(Some("ab")), cart(Some("ba")));
        assert_ne!(cart(None), cart(None));
    }
}
