//! The naive model that the table is compared with.

use std::collections::{BTreeMap, BTreeSet};

use recommendations::{Purchase, newest_products, pairs, top_products};
use switchyard_events::{Sku, UserId};

use super::history::Order;

/// The naive model: the expected content of the table, computed from all orders.
pub struct Model<'a> {
    pub orders: &'a [Order],
    /// In how many orders two products were together.
    pub together: BTreeMap<Sku, BTreeMap<Sku, u64>>,
}

impl<'a> Model<'a> {
    pub fn new(orders: &'a [Order]) -> Self {
        let mut together: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for order in orders {
            // Of a large cart only a sample of pairs counts; the selection has its own test.
            let sample = (order.skus.len() > 6).then(|| pairs::select_pairs(&order.id, &order.skus));
            let counts = |one: &Sku, other: &Sku| {
                let pair = (one.min(other).clone(), one.max(other).clone());
                one != other && sample.as_ref().is_none_or(|sample| sample.contains(&pair))
            };
            for one in &order.skus {
                for other in order.skus.iter().filter(|other| counts(one, other)) {
                    *together.entry(one.clone()).or_default().entry(other.clone()).or_default() += 1;
                }
            }
        }
        Self { orders, together }
    }

    pub fn purchases(&self, user: &UserId) -> Vec<Purchase> {
        let mut own: Vec<_> = self.orders.iter().filter(|order| order.user == *user).collect();
        own.sort_by_key(|order| std::cmp::Reverse(order.placed_at));
        own.iter().map(|order| Purchase { sort_key: order.placed_at.to_string(), skus: order.skus.clone() }).collect()
    }

    pub fn partners(&self, sku: &Sku) -> BTreeMap<Sku, u64> {
        self.together.get(sku).cloned().unwrap_or_default()
    }

    pub fn top(&self, user: &UserId) -> Vec<(Sku, u64)> {
        let purchases = self.purchases(user);
        let mut weights: BTreeMap<Sku, u64> = BTreeMap::new();
        for (partner, orders) in newest_products(&purchases).iter().flat_map(|sku| self.partners(sku)) {
            *weights.entry(partner).or_default() += orders;
        }
        top_products(weights, &purchases.iter().flat_map(|purchase| &purchase.skus).collect())
    }

    pub fn users(&self) -> BTreeSet<UserId> {
        self.orders.iter().map(|order| order.user.clone()).collect()
    }
}
