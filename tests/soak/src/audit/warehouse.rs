//! Every confirmed order that is not cancelled is on one pick list, once all jobs are done; no other order ever is. The lists contain of
//! every product as many pieces as their orders.

use std::collections::BTreeMap;

use switchyard_chassis::{Item, is_pending, text_of};

use super::evidence::{Evidence, rows};
use super::expected_orders::ExpectedOrders;
use super::findings::Findings;
use super::sums::{Sums, add, number};
use crate::cart::Cart;

pub(super) fn audit(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let orders = ExpectedOrders::new(evidence);
    let carts: BTreeMap<&str, &Cart> =
        evidence.accepted.iter().map(|accepted| (accepted.order_id.as_str(), &accepted.cart)).collect();
    let (mut expected, mut found) = (Sums::new(), Sums::new());
    let (mut pieces, mut picked) = (Sums::new(), Sums::new());
    for (_, order_id) in listed_orders(table) {
        add(&mut found, order_id.clone(), 1);
        for line in carts.get(order_id.as_str()).into_iter().flat_map(|cart| &cart.lines) {
            add(&mut pieces, line.sku.clone(), line.quantity);
        }
    }
    for accepted in &evidence.accepted {
        let id = &accepted.order_id;
        if orders.may_be_listed(accepted) && (evidence.jobs_done || found.contains_key(id)) {
            add(&mut expected, id.clone(), 1);
        }
    }
    findings.compare_sums("warehouse: times on a list:", &expected, &found);
    for (_, row) in rows(table, "WAVE#", "PAGE#") {
        let picks = row.get("picks").and_then(|picks| picks.as_l().ok()).into_iter().flatten();
        for pick in picks.filter_map(|pick| pick.as_m().ok()) {
            add(&mut picked, text_of(pick, "sku").unwrap_or_default().to_owned(), number(pick, "quantity"));
        }
    }
    findings.compare_sums("warehouse: pieces to pick:", &pieces, &picked);
    audit_ready_rows(table, findings);
}

/// The row of an order's pick names the wave that lists it.
fn audit_ready_rows(table: &[Item], findings: &mut Findings) {
    let listed =
        listed_orders(table).map(|(wave, order_id)| format!("{order_id} {}", &wave["WAVE#".len()..])).collect();
    let named = rows(table, "ORDER#", "READY")
        .filter_map(|(key, row)| text_of(row, "wave").map(|wave| format!("{} {wave}", &key.pk["ORDER#".len()..])));
    findings.compare_sets("warehouse: wave of a listed order:", &listed, &named.collect());
}

/// How many picks wait to be listed.
pub(super) fn count_ready(table: &[Item]) -> usize {
    rows(table, "ORDER#", "READY").filter(|(_, row)| is_pending(row)).count()
}

/// The orders on lists, each with its wave.
pub(super) fn listed_orders(table: &[Item]) -> impl Iterator<Item = (String, String)> {
    rows(table, "WAVE#", "PAGE#").flat_map(|(key, row)| {
        let ids = row.get("order_ids").and_then(|ids| ids.as_l().ok()).into_iter().flatten();
        let listed = ids.filter_map(|id| Some((key.pk.clone(), id.as_s().ok()?.clone())));
        listed.collect::<Vec<_>>()
    })
}
