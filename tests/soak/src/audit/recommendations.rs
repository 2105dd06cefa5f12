//! Products bought together are counted once per order that is not cancelled, in both directions. Each order marks its user as touched
//! once, and its cancellation once more.

use switchyard_chassis::Item;

use super::evidence::{Evidence, rows, unsharded};
use super::expected_orders::ExpectedOrders;
use super::findings::Findings;
use super::sums::{Sums, add, number};

pub(super) fn audit(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let orders = ExpectedOrders::new(evidence);
    let (mut expected, mut found) = (Sums::new(), Sums::new());
    for accepted in &evidence.accepted {
        add(&mut expected, format!("touches of {}", accepted.cart.user), 1);
        add(&mut expected, format!("purchases of {}", accepted.cart.user), 1);
        if orders.is_cancelled(accepted) {
            add(&mut expected, format!("touches of {}", accepted.cart.user), 1);
            add(&mut expected, format!("cancelled purchases of {}", accepted.cart.user), 1);
            continue;
        }
        // All pairs: a cart of the soak is too small for the consumer to sample its pairs.
        for one in &accepted.cart.lines {
            for other in accepted.cart.lines.iter().filter(|other| other.sku != one.sku) {
                add(&mut expected, format!("{} with {}", one.sku, other.sku), 1);
            }
        }
    }
    for (key, row) in rows(table, "SKU#", "WITH#") {
        let name = format!("{} with {}", &key.pk["SKU#".len()..], unsharded(&key.sk["WITH#".len()..]));
        add(&mut found, name, number(row, "orders"));
    }
    for (_, row) in rows(table, "TOUCHED", "") {
        for user in row.keys().filter(|name| name.starts_with("USER#")) {
            add(&mut found, format!("touches of {}", &user["USER#".len()..]), number(row, user));
        }
    }
    for (key, _) in rows(table, "USER#", "PURCHASE#") {
        let what = if key.sk.ends_with("#CANCELLED") { "cancelled purchases" } else { "purchases" };
        add(&mut found, format!("{what} of {}", &key.pk["USER#".len()..]), 1);
    }
    findings.compare_sums("recommendations:", &expected, &found);
}
