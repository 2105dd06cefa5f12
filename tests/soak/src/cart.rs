//! Orders before and after they are placed.

use fastrand::Rng;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::products::Product;

/// The states that orders are shipped to.
const REGIONS: [&str; 6] = ["CA", "NY", "TX", "OR", "WA", "FL"];

/// A quantity of one product that fraud must find suspicious.
const SUSPICIOUS_QUANTITY: u32 = 900;

/// A line of a cart.
#[derive(Debug, Clone)]
pub(crate) struct CartLine {
    pub(crate) sku: String,
    pub(crate) quantity: u32,
    pub(crate) taxable: bool,
    /// The price of the whole quantity.
    pub(crate) amount: Decimal,
}

/// An order that a client wants to be placed once.
#[derive(Debug, Clone)]
pub(crate) struct Cart {
    /// It determines what is ordered, and what is changed afterwards.
    pub(crate) number: usize,
    /// The idempotency key. The client repeats the request with it until the outcome is known.
    pub(crate) key: String,
    pub(crate) user: String,
    /// Unique per cart, so that each mail can be assigned to its order.
    pub(crate) email: String,
    pub(crate) region: &'static str,
    pub(crate) lines: Vec<CartLine>,
    /// Whether fraud must flag it. All others must be confirmed.
    pub(crate) suspicious: bool,
}

/// An order that checkout has accepted.
#[derive(Debug, Clone)]
pub(crate) struct AcceptedOrder {
    pub(crate) cart: Cart,
    pub(crate) order_id: String,
    /// The total in checkout's response.
    pub(crate) total: Decimal,
    /// The time in checkout's response, such as `2026-11-21T09:12:02.296Z`.
    pub(crate) placed_at: String,
}

impl Cart {
    /// The cart with this number; the same seed gives the same cart. Each user orders three times, at about the same
    /// time, for less than 300 dollars: for fraud that is neither too often nor too much. One cart in ten is
    /// suspicious: a disposable address, and far too much of one product. One in twenty contains the scarce product.
    pub(crate) fn new(seed: u64, number: usize, products: &[Product]) -> Self {
        let mut random = Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (number as u64));
        let suspicious = number % 10 == 7;
        let lines = if suspicious { suspicious_lines(products) } else { random_lines(products, &mut random) };
        Self {
            number,
            key: format!("soak-{seed}-{number}"),
            user: format!("usr_soak{}", number / 3),
            email: format!("soak-{number}@{}", if suspicious { "mailinator.com" } else { "example.com" }),
            region: REGIONS[random.usize(..REGIONS.len())],
            lines,
            suspicious,
        }
    }

    /// The body of the checkout request.
    pub(crate) fn body(&self) -> Value {
        let items = self.lines.iter().map(|line| json!({"sku": line.sku, "quantity": line.quantity}));
        json!({
            "user_id": self.user,
            "email": self.email,
            "items": items.collect::<Vec<_>>(),
            "ship_to": {"country": "US", "region": self.region, "postal_code": "94107"},
        })
    }

    pub(crate) fn total(&self) -> Decimal {
        self.lines.iter().map(|line| line.amount).sum()
    }

    pub(crate) fn units(&self) -> u64 {
        self.lines.iter().map(|line| u64::from(line.quantity)).sum()
    }

    /// The total of the taxable lines, or of the exempt lines.
    pub(crate) fn subtotal(&self, taxable: bool) -> Decimal {
        self.lines.iter().filter(|line| line.taxable == taxable).map(|line| line.amount).sum()
    }
}

impl AcceptedOrder {
    /// Whether both answers show the same order.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.order_id, self.total, &self.placed_at) == (&other.order_id, other.total, &other.placed_at)
    }
}

impl CartLine {
    fn new(product: &Product, quantity: u32) -> Self {
        Self {
            sku: product.sku.clone(),
            quantity,
            taxable: product.taxable,
            amount: product.price * Decimal::from(quantity),
        }
    }
}

/// The first `count` carts of a seed.
pub(crate) fn carts(seed: u64, count: usize, products: &[Product]) -> Vec<Cart> {
    (0..count).map(|number| Cart::new(seed, number, products)).collect()
}

fn suspicious_lines(products: &[Product]) -> Vec<CartLine> {
    let product = products.iter().rfind(|product| product.taxable);
    product.map(|product| CartLine::new(product, SUSPICIOUS_QUANTITY)).into_iter().collect()
}

fn random_lines(products: &[Product], random: &mut Rng) -> Vec<CartLine> {
    let count = random.usize(1..=4);
    let mut chosen = random.choose_multiple(&products[1..], count);
    if random.u32(..20) == 0 {
        chosen.push(&products[0]);
    }
    chosen.into_iter().map(|product| CartLine::new(product, random.u32(1..=2))).collect()
}
