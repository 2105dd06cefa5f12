//! Each order's ledger line, which is reversed if the order is cancelled, and sums by jurisdiction and year: taxable and exempt revenue to
//! the cent, and orders.

use switchyard_chassis::Item;

use super::evidence::{Evidence, rows};
use super::expected_orders::ExpectedOrders;
use super::findings::Findings;
use super::sums::{Sums, add, number};

pub(super) fn audit(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let orders = ExpectedOrders::new(evidence);
    let (mut expected, mut found) = (Sums::new(), Sums::new());
    for accepted in &evidence.accepted {
        let cart = &accepted.cart;
        let name = format!("US-{} {}", cart.region, &accepted.placed_at[..4]);
        if orders.is_cancelled(accepted) {
            // Line and reversal, whose sums are zero.
            add(&mut expected, format!("ledger lines of {}", accepted.order_id), 2);
            continue;
        }
        add(&mut expected, format!("ledger lines of {}", accepted.order_id), 1);
        add(&mut expected, format!("{name} revenue_usd"), cart.total());
        add(&mut expected, format!("{name} taxable_usd"), cart.subtotal(true));
        add(&mut expected, format!("{name} exempt_usd"), cart.subtotal(false));
        add(&mut expected, format!("{name} transactions"), 1);
        let line = format!("ledger {} {name}", accepted.order_id);
        add(&mut expected, format!("{line} taxable_usd"), cart.subtotal(true));
        add(&mut expected, format!("{line} exempt_usd"), cart.subtotal(false));
    }
    for (key, row) in rows(table, "JURISDICTION#", "YEAR#") {
        let year = key.sk.split('#').nth(1).unwrap_or_default();
        let name = format!("{} {year}", &key.pk["JURISDICTION#".len()..]);
        for attribute in ["revenue_usd", "taxable_usd", "exempt_usd", "transactions"] {
            add(&mut found, format!("{name} {attribute}"), number(row, attribute));
        }
    }
    for (key, row) in rows(table, "ORDER#", "LEDGER#") {
        let (order, jurisdiction) = (&key.pk["ORDER#".len()..], &key.sk["LEDGER#".len()..]);
        let jurisdiction = jurisdiction.trim_end_matches("#REVERSAL");
        add(&mut found, format!("ledger lines of {order}"), 1);
        let line = format!("ledger {order} {jurisdiction} {}", number(row, "year"));
        for attribute in ["taxable_usd", "exempt_usd"] {
            add(&mut found, format!("{line} {attribute}"), number(row, attribute));
        }
    }
    findings.compare_sums("tax:", &expected, &found);
}
