//! Orders before they are placed, and what became of them.

use fastrand::Rng;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::wares::Ware;

/// Where the goods go.
const REGIONS: [&str; 6] = ["CA", "NY", "TX", "OR", "WA", "FL"];

/// A line of a cart.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) sku: String,
    pub(crate) quantity: u32,
    pub(crate) taxable: bool,
    /// The price of all of it.
    pub(crate) amount: Decimal,
}

/// What one client wants once.
#[derive(Debug, Clone)]
pub(crate) struct Cart {
    /// The client repeats the request with the same key until it knows the outcome.
    pub(crate) key: String,
    pub(crate) user: String,
    /// No two carts have the same address, so that each mail is known.
    pub(crate) email: String,
    pub(crate) region: &'static str,
    pub(crate) lines: Vec<Line>,
    /// Whether fraud must flag it; any other must be confirmed.
    pub(crate) suspicious: bool,
}

/// Pieces of one product that no household needs.
const HOARD: u32 = 900;

impl Cart {
    /// The `n`th cart of a seed: always the same. Each user comes three times, at about the same time, for less than 300 dollars,
    /// which is neither too often nor too much for fraud. One cart in ten has a throw-away address and far too much of one ware;
    /// one in twenty has the scarce ware in it.
    pub(crate) fn of(seed: u64, n: usize, wares: &[Ware]) -> Self {
        let mut random = Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (n as u64));
        let suspicious = n % 10 == 7;
        let mut wanted = Vec::new();
        if suspicious {
            wanted.extend(wares.iter().rfind(|ware| ware.taxable).map(|ware| (ware, HOARD)));
        } else {
            let count = random.usize(1..=4);
            let mut chosen = random.choose_multiple(&wares[1..], count);
            if random.u32(..20) == 0 {
                chosen.push(&wares[0]);
            }
            wanted.extend(chosen.into_iter().map(|ware| (ware, random.u32(1..=2))));
        }
        let line = |(ware, quantity): (&Ware, u32)| Line {
            sku: ware.sku.clone(),
            quantity,
            taxable: ware.taxable,
            amount: ware.price * Decimal::from(quantity),
        };
        Self {
            key: format!("soak-{seed}-{n}"),
            user: format!("usr_soak{}", n / 3),
            email: format!("soak-{n}@{}", if suspicious { "mailinator.com" } else { "example.com" }),
            region: REGIONS[random.usize(..REGIONS.len())],
            lines: wanted.into_iter().map(line).collect(),
            suspicious,
        }
    }

    /// As the API takes it.
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

    /// What its taxable, or its other lines come to.
    pub(crate) fn part(&self, taxable: bool) -> Decimal {
        self.lines.iter().filter(|line| line.taxable == taxable).map(|line| line.amount).sum()
    }
}

/// An order that checkout has accepted.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) cart: Cart,
    pub(crate) order_id: String,
    /// What checkout said that it comes to.
    pub(crate) total: Decimal,
    /// As checkout said it, such as `2026-11-21T09:12:02.296Z`.
    pub(crate) placed_at: String,
}
