//! The orders themselves, their stock, and their status.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::evidence::{Evidence, rows};
use super::expected_orders::ExpectedOrders;
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
    // An order that an earlier version stored has no version, and is in no list.
    let versioned =
        rows(&evidence.orders, "ORDER#", "ORDER").filter(|(key, row)| key.sk == "ORDER" && row.contains_key("v"));
    let versioned = versioned.map(|(key, _)| key.pk["ORDER#".len()..].to_owned()).collect();
    findings.compare_sets("orders: the lists of customers", &versioned, &listed);
    stock(evidence, findings);
    status(evidence, findings);
    requests(evidence, findings);
}

/// A request to cancel that was accepted is stored, unless a reviewer's rejection has cancelled the order before. No other request is
/// stored, unless it was refused later. A refused one is for an order on a list.
fn requests(evidence: &Evidence, findings: &mut Findings) {
    let orders = ExpectedOrders::new(evidence);
    let stored = orders.requested();
    for accepted in &evidence.accepted {
        let id = &accepted.order_id;
        let is_rejected = orders.is_cancelled(accepted) && orders.review(accepted) == Some(Review::Rejected);
        if evidence.cancellations.contains(id) && !stored.contains(id) && !is_rejected {
            findings.lost.push(format!("orders: the request to cancel {id} was accepted and is not stored"));
        }
    }
    for id in stored.difference(&evidence.cancellations).filter(|id| !evidence.too_late.contains(*id)) {
        findings.doubled.push(format!("orders: a request to cancel {id} is stored, and no owner knows of it"));
    }
    let Some(warehouse) = evidence.tables.get("warehouse") else { return };
    let listed: BTreeSet<_> = warehouse::listed_orders(warehouse).map(|(_, id)| id).collect();
    for id in evidence.too_late.difference(&listed) {
        findings.lost.push(format!("orders: it was too late to cancel {id}, which is on no list"));
    }
}

/// The stock that is left is the first stock without what was sold and not returned.
fn stock(evidence: &Evidence, findings: &mut Findings) {
    let mut sold = Sums::new();
    for line in ExpectedOrders::new(evidence).kept().flat_map(|accepted| &accepted.cart.lines) {
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
/// review. Orders on a pick list, and no others, have the status `picking`. An order is cancelled if
/// its owner or a reviewer wanted it and it is on no list; a stored request for one on a list was refused.
fn status(evidence: &Evidence, findings: &mut Findings) {
    if !evidence.tables.contains_key("orders") {
        return;
    }
    let orders = ExpectedOrders::new(evidence);
    let warehouse = evidence.tables.get("warehouse").map_or(&[][..], Vec::as_slice);
    let listed: BTreeSet<_> = warehouse::listed_orders(warehouse).map(|(_, id)| id).collect();
    let mut expected = BTreeSet::new();
    for accepted in &evidence.accepted {
        let id = &accepted.order_id;
        expected.insert(format!("{id} 2#{}", if accepted.cart.suspicious { "flagged" } else { "confirmed" }));
        if orders.review(accepted) == Some(Review::Confirmed) {
            expected.insert(format!("{id} 3#confirmed"));
        }
        if listed.contains(id) {
            expected.insert(format!("{id} 9#picking"));
            if orders.requested().contains(id) {
                expected.insert(format!("{id} 5#too_late"));
            }
        } else if orders.is_cancellation_wanted(accepted) {
            expected.insert(format!("{id} 6#cancelled"));
        }
    }
    let found = rows(&evidence.orders, "ORDER#", "STATUS#")
        .map(|(key, _)| format!("{} {}", &key.pk["ORDER#".len()..], &key.sk["STATUS#".len()..]));
    findings.compare_sets("orders: status", &expected, &found.collect());
}
