//! Each order is in one wave once, unless it was held and moved to another; and on one page at most.

use std::collections::BTreeSet;

use switchyard_chassis::{Item, text_of};

use super::{Evidence, Findings, Sums, add, number, rows};

pub(super) fn audit(table: &[Item], evidence: &Evidence, findings: &mut Findings) {
    let (mut expected, mut found) = (Sums::new(), Sums::new());
    for accepted in &evidence.accepted {
        add(&mut expected, accepted.order_id.clone(), 1);
    }
    let moved = rows(table, "ORDER#", "HOLD").filter(|(_, row)| text_of(row, "wave").is_some());
    for (key, _) in moved {
        add(&mut expected, key.pk["ORDER#".len()..].to_owned(), 1);
    }
    for (_, row) in rows(table, "WAVE#", "ORDERS#") {
        for name in row.keys().filter(|name| name.starts_with("ORDER#")) {
            add(&mut found, name["ORDER#".len()..].to_owned(), number(row, name));
        }
    }
    findings.sums("warehouse: times in a wave:", &expected, &found);
    pages(table, findings);
}

fn pages(table: &[Item], findings: &mut Findings) {
    let mut listed = BTreeSet::new();
    for (key, row) in rows(table, "WAVE#", "PAGE#") {
        let ids = row.get("order_ids").and_then(|ids| ids.as_l().ok()).into_iter().flatten();
        for id in ids.filter_map(|id| id.as_s().ok()) {
            if !listed.insert(id) {
                findings.doubled.push(format!("warehouse: {id} is to be picked twice, the second time in {}", key.pk));
            }
        }
    }
}
