//! Each order is in one wave once, unless it was held and moved to another wave. The list of a released wave contains
//! all of its orders that are not held, each once, and of every product as many units as these orders contain.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use switchyard_chassis::{Item, text_of};

use super::evidence::{Evidence, rows};
use super::findings::Findings;
use super::sums::{Sums, add, number};
use crate::cart::Cart;

pub(super) fn audit(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    audit_waves(table, evidence, findings);
    audit_lists(table, evidence, findings);
}

fn audit_waves(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let (mut expected, mut found) = (Sums::new(), Sums::new());
    for accepted in &evidence.accepted {
        add(&mut expected, accepted.order_id.clone(), 1);
    }
    for (order_id, _) in holds(table).filter(|(_, row)| text_of(row, "wave").is_some()) {
        add(&mut expected, order_id, 1);
    }
    for entry in wave_entries(table) {
        add(&mut found, entry.order_id, entry.times);
    }
    findings.compare_sums("warehouse: times in a wave:", &expected, &found);
}

fn audit_lists(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let expected = ExpectedLists::new(table, evidence);
    let released = released_waves(table);
    let mut orders = Sums::new();
    for (wave, order_id) in listed_orders(table).filter(|(wave, _)| released.contains(wave)) {
        add(&mut orders, format!("{wave} {order_id}"), 1);
    }
    findings.compare_sums("warehouse: times on a list:", &expected.orders, &orders);
    let mut units = Sums::new();
    for (key, row) in rows(table, "WAVE#", "PAGE#").filter(|(key, _)| released.contains(&key.pk)) {
        let picks = row.get("picks").and_then(|picks| picks.as_l().ok()).into_iter().flatten();
        for pick in picks.filter_map(|pick| pick.as_m().ok()) {
            let sku = text_of(pick, "sku").unwrap_or_default();
            add(&mut units, format!("{} {sku}", key.pk), number(pick, "quantity"));
        }
    }
    findings.compare_sums("warehouse: pieces to pick:", &expected.units, &units);
}

/// What must be on the lists of released waves; of all waves, once all jobs are done.
#[derive(Default)]
struct ExpectedLists {
    /// How often each order is listed, by wave and order.
    orders: Sums,
    /// How many units are to be picked, by wave and product.
    units: Sums,
}

impl ExpectedLists {
    fn new(table: &[Item], evidence: &Evidence) -> Self {
        let carts: BTreeMap<&str, &Cart> =
            evidence.accepted.iter().map(|accepted| (accepted.order_id.as_str(), &accepted.cart)).collect();
        let held: BTreeSet<_> = holds(table).filter(|(_, row)| is_held(row)).map(|(order, _)| order).collect();
        let moved: BTreeMap<_, _> =
            holds(table).filter_map(|(order, row)| Some((order, format!("WAVE#{}", text_of(row, "wave")?)))).collect();
        let released = released_waves(table);
        let mut lists = Self::default();
        for WaveEntry { wave, order_id, .. } in wave_entries(table).filter(|entry| !held.contains(&entry.order_id)) {
            let has_left = moved.get(&order_id).is_some_and(|into| *into != wave);
            if has_left || !(released.contains(&wave) || evidence.jobs_done) {
                continue;
            }
            add(&mut lists.orders, format!("{wave} {order_id}"), 1);
            for line in carts.get(order_id.as_str()).into_iter().flat_map(|cart| &cart.lines) {
                add(&mut lists.units, format!("{wave} {}", line.sku), line.quantity);
            }
        }
        lists
    }
}

/// How many waves with orders are not released.
pub(super) fn count_open_waves(table: &[Item]) -> usize {
    let waves: BTreeSet<String> = wave_entries(table).map(|entry| entry.wave).collect();
    waves.difference(&released_waves(table)).count()
}

struct WaveEntry {
    wave: String,
    order_id: String,
    /// How often the order was added to the wave.
    times: Decimal,
}

fn wave_entries(table: &[Item]) -> impl Iterator<Item = WaveEntry> {
    rows(table, "WAVE#", "ORDERS#").flat_map(|(key, row)| {
        let orders = row.keys().filter(|name| name.starts_with("ORDER#"));
        let entry = |name: &String| WaveEntry {
            wave: key.pk.clone(),
            order_id: name["ORDER#".len()..].to_owned(),
            times: number(row, name),
        };
        orders.map(entry).collect::<Vec<_>>()
    })
}

fn released_waves(table: &[Item]) -> BTreeSet<String> {
    rows(table, "WAVE#", "RELEASED").map(|(key, _)| key.pk).collect()
}

/// Hold rows, by order.
fn holds(table: &[Item]) -> impl Iterator<Item = (String, &Item)> {
    rows(table, "ORDER#", "HOLD").map(|(key, row)| (key.pk["ORDER#".len()..].to_owned(), row))
}

fn is_held(hold: &Item) -> bool {
    hold.get("held").and_then(|value| value.as_bool().ok()) == Some(&true)
}

/// The orders on lists, each with its wave.
pub(super) fn listed_orders(table: &[Item]) -> impl Iterator<Item = (String, String)> {
    rows(table, "WAVE#", "PAGE#").flat_map(|(key, row)| {
        let ids = row.get("order_ids").and_then(|ids| ids.as_l().ok()).into_iter().flatten();
        let listed = ids.filter_map(|id| Some((key.pk.clone(), id.as_s().ok()?.clone())));
        listed.collect::<Vec<_>>()
    })
}
