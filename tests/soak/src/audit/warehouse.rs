//! Each order is in one wave once, unless it was held and moved to another. A released wave's list has all of its orders that are
//! not held, each once, and of every product as many pieces as these orders want.

use std::collections::{BTreeMap, BTreeSet};

use switchyard_chassis::{Item, text_of};

use super::{Evidence, Findings, Sums, add, number, rows};
use crate::cart::Cart;

pub(super) fn audit(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let (mut expected, mut found) = (Sums::new(), Sums::new());
    for accepted in &evidence.accepted {
        add(&mut expected, accepted.order_id.clone(), 1);
    }
    for (order_id, _) in holds(table).filter(|(_, row)| text_of(row, "wave").is_some()) {
        add(&mut expected, order_id, 1);
    }
    for (_, order_id, times) in named(table) {
        add(&mut found, order_id, times);
    }
    findings.sums("warehouse: times in a wave:", &expected, &found);
    lists(table, evidence, findings);
}

/// Waves with the orders that came into them, and how often they did.
fn named(table: &[Item]) -> impl Iterator<Item = (String, String, rust_decimal::Decimal)> {
    rows(table, "WAVE#", "ORDERS#").flat_map(|(key, row)| {
        let orders = row.keys().filter(|name| name.starts_with("ORDER#"));
        let named = orders.map(|name| (key.pk.clone(), name["ORDER#".len()..].to_owned(), number(row, name)));
        named.collect::<Vec<_>>()
    })
}

fn holds(table: &[Item]) -> impl Iterator<Item = (String, &Item)> {
    rows(table, "ORDER#", "HOLD").map(|(key, row)| (key.pk["ORDER#".len()..].to_owned(), row))
}

/// Waves with the orders on their lists.
pub(super) fn listed(table: &[Item]) -> impl Iterator<Item = (String, String)> {
    rows(table, "WAVE#", "PAGE#").flat_map(|(key, row)| {
        let ids = row.get("order_ids").and_then(|ids| ids.as_l().ok()).into_iter().flatten();
        let listed = ids.filter_map(|id| Some((key.pk.clone(), id.as_s().ok()?.clone())));
        listed.collect::<Vec<_>>()
    })
}

fn lists(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let carts: BTreeMap<&str, &Cart> =
        evidence.accepted.iter().map(|accepted| (accepted.order_id.as_str(), &accepted.cart)).collect();
    let flag = |row: &Item, name: &str| row.get(name).and_then(|value| value.as_bool().ok()) == Some(&true);
    let held: BTreeSet<_> = holds(table).filter(|(_, row)| flag(row, "held")).map(|(order, _)| order).collect();
    let moved: BTreeMap<_, _> =
        holds(table).filter_map(|(order, row)| Some((order, format!("WAVE#{}", text_of(row, "wave")?)))).collect();
    let released: BTreeSet<_> = rows(table, "WAVE#", "RELEASED").map(|(key, _)| key.pk).collect();
    let (mut orders, mut picks, mut all) = (Sums::new(), Sums::new(), Sums::new());
    for (wave, order_id, _) in named(table).filter(|(_, order_id, _)| !held.contains(order_id)) {
        let is_gone = moved.get(&order_id).is_some_and(|into| *into != wave);
        if !is_gone && (released.contains(&wave) || evidence.at_rest) {
            add(&mut orders, format!("{wave} {order_id}"), 1);
            for line in carts.get(order_id.as_str()).into_iter().flat_map(|cart| &cart.lines) {
                add(&mut picks, format!("{wave} {}", line.sku), line.quantity);
            }
        }
    }
    for (wave, order_id) in listed(table).filter(|(wave, _)| released.contains(wave)) {
        add(&mut all, format!("{wave} {order_id}"), 1);
    }
    findings.sums("warehouse: times on a list:", &orders, &all);
    let mut found = Sums::new();
    for (key, row) in rows(table, "WAVE#", "PAGE#").filter(|(key, _)| released.contains(&key.pk)) {
        let entries = row.get("picks").and_then(|picks| picks.as_l().ok()).into_iter().flatten();
        for entry in entries.filter_map(|entry| entry.as_m().ok()) {
            let sku = text_of(entry, "sku").unwrap_or_default();
            add(&mut found, format!("{} {sku}", key.pk), number(entry, "quantity"));
        }
    }
    findings.sums("warehouse: pieces to pick:", &picks, &found);
}
