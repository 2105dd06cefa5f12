//! Sums by day and region, and by day and product: orders, units, revenue to the cent, and cancelled orders.

use switchyard_chassis::Item;

use super::evidence::{Evidence, rows, unsharded};
use super::expected_orders::ExpectedOrders;
use super::findings::Findings;
use super::sums::{Sums, add, number};

pub(super) fn audit(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let orders = ExpectedOrders::new(evidence);
    let (mut expected, mut found) = (Sums::new(), Sums::new());
    for accepted in &evidence.accepted {
        let (day, cart) = (&accepted.placed_at[..10], &accepted.cart);
        let region = format!("{day} REGION#US-{}", cart.region);
        if orders.is_cancelled(accepted) {
            add(&mut expected, format!("{region} cancelled"), 1);
            for line in &cart.lines {
                add(&mut expected, format!("{day} SKU#{} cancelled", line.sku), 1);
            }
            continue;
        }
        add(&mut expected, format!("{region} orders"), 1);
        add(&mut expected, format!("{region} units"), cart.units());
        add(&mut expected, format!("{region} revenue_usd"), cart.total());
        for line in &cart.lines {
            let sku = format!("{day} SKU#{}", line.sku);
            add(&mut expected, format!("{sku} orders"), 1);
            add(&mut expected, format!("{sku} units"), line.quantity);
            add(&mut expected, format!("{sku} revenue_usd"), line.amount);
        }
    }
    for (key, row) in rows(table, "DAY#", "") {
        let name = format!("{} {}", &key.pk["DAY#".len()..], unsharded(&key.sk));
        for attribute in ["orders", "units", "revenue_usd", "cancelled"] {
            add(&mut found, format!("{name} {attribute}"), number(row, attribute));
        }
    }
    findings.compare_sums("analytics:", &expected, &found);
}
