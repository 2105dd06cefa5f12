//! The table of permissions, `infra/permissions.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::granted::{Grant, RoleName};

/// Why a role has an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// These steps fail on the local cloud without it.
    FailsWithoutIt(BTreeSet<String>),
    /// Nothing fails on the local cloud. The reason, with its source.
    Reason(String),
}

/// What the table says about one action of one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub resources: BTreeSet<String>,
    pub need: Need,
}

/// Parses the table. Returns the entries, or what is wrong with its lines.
pub fn parse(
    text: &str,
    groups: &BTreeMap<&'static str, BTreeSet<RoleName>>,
) -> Result<BTreeMap<Grant, Entry>, Vec<String>> {
    let (mut entries, mut mistakes) = (BTreeMap::new(), Vec::new());
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| role"));
    for line in rows {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [roles, action, resources, steps, reason] = cells[..] else {
            mistakes.push(format!("not five cells: {line}"));
            continue;
        };
        let need = match (steps, reason) {
            (steps, "–") if steps != "–" => Need::FailsWithoutIt(list(steps, "; ")),
            ("–", reason) if has_source(reason) => Need::Reason(reason.to_owned()),
            _ => {
                mistakes.push(format!("needs either steps or a reason with an address and a date: {line}"));
                continue;
            }
        };
        let entry = Entry { resources: list(&resources.replace('`', ""), ", "), need };
        for role in role_list(roles, groups) {
            let grant = Grant { role, action: action.replace('`', "") };
            if entries.insert(grant.clone(), entry.clone()).is_some() {
                mistakes.push(format!("twice: {} of {}", grant.action, grant.role));
            }
        }
    }
    if mistakes.is_empty() { Ok(entries) } else { Err(mistakes) }
}

/// The resources with a wildcard that the text lists, each with its reason: lines that begin with a dash.
pub fn listed_wildcards(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.strip_prefix("- `")?.split_once("`: ").map(|(resource, _)| resource)).collect()
}

/// A reason names where AWS says so, and when that was read.
fn has_source(reason: &str) -> bool {
    reason.contains("https://") && reason.contains(", 20")
}

/// `tax, fraud`, or `every consumer`, or `every consumer but tax, fraud`.
fn role_list(cell: &str, groups: &BTreeMap<&'static str, BTreeSet<RoleName>>) -> BTreeSet<RoleName> {
    let (group, but) = cell.split_once(" but ").unwrap_or((cell, ""));
    match groups.get(group) {
        Some(roles) => roles.difference(&list(but, ", ")).cloned().collect(),
        None => list(cell, ", "),
    }
}

fn list(cell: &str, separator: &str) -> BTreeSet<String> {
    cell.split(separator).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// The differences between the template and the table; none if the table is complete.
pub fn differences(grants: &BTreeMap<Grant, BTreeSet<String>>, table: &BTreeMap<Grant, Entry>) -> Vec<String> {
    let missing = grants.keys().filter(|grant| !table.contains_key(grant));
    let missing = missing.map(|Grant { role, action }| format!("{role} has {action}, and the table has no reason why"));
    let stale = table.keys().filter(|grant| !grants.contains_key(grant));
    let stale = stale.map(|Grant { role, action }| format!("the table has {action} of {role}, the template has not"));
    let other = grants.iter().filter_map(|(grant, resources)| {
        let listed = &table.get(grant)?.resources;
        let Grant { role, action } = grant;
        (listed != resources).then(|| format!("{action} of {role}: on {resources:?}, and on {listed:?} in the table"))
    });
    missing.chain(stale).chain(other).collect()
}
