//! The orders themselves, their stock, and their status.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::{Evidence, Findings, Sums, add, number, rows};

pub(super) fn audit(evidence: &Evidence, findings: &mut Findings) {
    let mut ids = BTreeSet::new();
    for accepted in &evidence.accepted {
        if !ids.insert(accepted.order_id.as_str()) {
            findings.lost.push(format!("orders: two carts were accepted as {}", accepted.order_id));
        }
        findings.number(&format!("orders: the total of {}", accepted.order_id), accepted.cart.total(), accepted.total);
    }
    let stored: BTreeSet<String> = rows(&evidence.orders, "ORDER#", "ORDER")
        .filter(|(key, _)| key.sk == "ORDER")
        .map(|(key, _)| key.pk["ORDER#".len()..].to_owned())
        .collect();
    for id in ids.iter().filter(|id| !stored.contains(**id)) {
        findings.lost.push(format!("orders: {id} was accepted and is not there"));
    }
    for id in stored.iter().filter(|id| !ids.contains(id.as_str())) {
        findings.doubled.push(format!("orders: {id} is there, and nobody was told so"));
    }
    stock(evidence, findings);
    status(evidence, findings);
}

/// What is left is what there was without what was sold.
fn stock(evidence: &Evidence, findings: &mut Findings) {
    let mut sold = Sums::new();
    for line in evidence.accepted.iter().flat_map(|accepted| &accepted.cart.lines) {
        add(&mut sold, line.sku.clone(), line.quantity);
    }
    for ware in &evidence.wares {
        let row = rows(&evidence.orders, "SKU#", "STOCK").find(|(key, _)| key.pk["SKU#".len()..] == ware.sku);
        let left = row.map_or(Decimal::ZERO, |(_, row)| number(row, "stock"));
        let expected = sold.get(&ware.sku).copied().unwrap_or_default();
        findings.number(&format!("orders: pieces taken of {}", ware.sku), expected, Decimal::from(ware.stock) - left);
    }
}

/// Each order has been decided once, the way that fraud says.
fn status(evidence: &Evidence, findings: &mut Findings) {
    let (Some(scores), Some(_)) = (evidence.tables.get("fraud"), evidence.tables.get("orders")) else {
        return;
    };
    let decisions = rows(&evidence.orders, "ORDER#", "STATUS#2#");
    let decided: BTreeSet<(String, String)> =
        decisions.map(|(key, _)| (key.pk, key.sk["STATUS#2#".len()..].to_owned())).collect();
    let mut expected = BTreeSet::new();
    for (key, row) in rows(scores, "ORDER#", "SCORE") {
        let flagged = row.get("flagged").and_then(|flagged| flagged.as_bool().ok()) == Some(&true);
        expected.insert((key.pk, if flagged { "flagged" } else { "confirmed" }.to_owned()));
    }
    for (order, status) in expected.difference(&decided) {
        findings.lost.push(format!("orders: {order} does not know that it is {status}"));
    }
    for (order, status) in decided.difference(&expected) {
        findings.doubled.push(format!("orders: {order} is called {status}, and fraud did not say so"));
    }
}
