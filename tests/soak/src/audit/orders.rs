//! The orders themselves, their stock, and their status.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::evidence::{Evidence, rows};
use super::fate::Fates;
use super::findings::Findings;
use super::sums::{Sums, add, number};
use super::warehouse;
use crate::order_log::Review;

pub(super) fn audit(evidence: &Evidence, findings: &mut Findings) {
    let mut ids = BTreeSet::new();
    for accepted in &evidence.accepted {
        if !ids.insert(accepted.order_id.as_str()) {
            findings.lost.push(format!("orders: two carts were accepted as {}", accepted.order_id));
        }
        findings.compare_number(
            &format!("orders: the total of {}", accepted.order_id),
            accepted.cart.total(),
            accepted.total,
        );
    }
    let stored: BTreeSet<String> = rows(&evidence.orders, "ORDER#", "ORDER")
        .filter(|(key, _)| key.sk == "ORDER")
        .map(|(key, _)| key.pk["ORDER#".len()..].to_owned())
        .collect();
    for id in ids.iter().filter(|id| !stored.contains(**id)) {
        findings.lost.push(format!("orders: {id} was accepted and is not stored"));
    }
    for id in stored.iter().filter(|id| !ids.contains(id.as_str())) {
        findings.doubled.push(format!("orders: {id} is stored, and no client knows of it"));
    }
    let listed = rows(&evidence.orders, "USER#", "ORDER#");
    let listed = listed.filter_map(|(key, _)| Some(key.sk.rsplit_once('#')?.1.to_owned())).collect();
    let accepted = ids.iter().map(|id| (*id).to_owned()).collect();
    findings.compare_sets("orders: the lists of customers", &accepted, &listed);
    stock(evidence, findings);
    status(evidence, findings);
}

/// The stock that is left is the first stock without what was sold and not returned.
fn stock(evidence: &Evidence, findings: &mut Findings) {
    let mut sold = Sums::new();
    for line in Fates::new(evidence).kept().flat_map(|accepted| &accepted.cart.lines) {
        add(&mut sold, line.sku.clone(), line.quantity);
    }
    for product in &evidence.products {
        let row = rows(&evidence.orders, "SKU#", "STOCK").find(|(key, _)| key.pk["SKU#".len()..] == product.sku);
        let left = row.map_or(Decimal::ZERO, |(_, row)| number(row, "stock"));
        let expected = sold.get(&product.sku).copied().unwrap_or_default();
        findings.compare_number(
            &format!("orders: pieces taken of {}", product.sku),
            expected,
            Decimal::from(product.stock) - left,
        );
    }
}

/// Each order has been scored once: suspicious orders are flagged, all others confirmed. A flagged order has the decision of its
/// review. Orders on a pick list, and no others, have the status `picking`. An order is cancelled if somebody wanted it and it is on
/// no list; a request for one on a list was too late.
fn status(evidence: &Evidence, findings: &mut Findings) {
    if !evidence.tables.contains_key("orders") {
        return;
    }
    let fates = Fates::new(evidence);
    let warehouse = evidence.tables.get("warehouse").map_or(&[][..], Vec::as_slice);
    let listed: BTreeSet<_> = warehouse::listed_orders(warehouse).map(|(_, id)| id).collect();
    let mut expected = BTreeSet::new();
    for accepted in &evidence.accepted {
        let id = &accepted.order_id;
        expected.insert(format!("{id} 2#{}", if accepted.cart.suspicious { "flagged" } else { "confirmed" }));
        if fates.review(accepted) == Some(Review::Confirmed) {
            expected.insert(format!("{id} 3#confirmed"));
        }
        if listed.contains(id) {
            expected.insert(format!("{id} 9#picking"));
            if fates.is_requested(accepted) {
                expected.insert(format!("{id} 5#too_late"));
            }
        } else if fates.is_cancellation_wanted(accepted) {
            expected.insert(format!("{id} 6#cancelled"));
        }
    }
    let found = rows(&evidence.orders, "ORDER#", "STATUS#")
        .map(|(key, _)| format!("{} {}", &key.pk["ORDER#".len()..], &key.sk["STATUS#".len()..]));
    findings.compare_sets("orders: status", &expected, &found.collect());
}
