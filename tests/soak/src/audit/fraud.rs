//! Each user's profile counts each order of the user once.

use switchyard_chassis::Item;

use super::evidence::{Evidence, rows};
use super::findings::Findings;
use super::sums::{Sums, add, number};

pub(super) fn audit(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let (mut expected, mut found) = (Sums::new(), Sums::new());
    for accepted in &evidence.accepted {
        add(&mut expected, format!("{} orders", accepted.cart.user), 1);
        add(&mut expected, format!("{} spent_usd", accepted.cart.user), accepted.cart.total());
    }
    for (key, row) in rows(table, "USER#", "PROFILE") {
        for attribute in ["orders", "spent_usd"] {
            add(&mut found, format!("{} {attribute}", &key.pk["USER#".len()..]), number(row, attribute));
        }
    }
    findings.compare_sums("fraud:", &expected, &found);
}
