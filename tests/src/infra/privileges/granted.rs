//! The actions that the template's roles have, read from the expanded template.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::infra::template::reading::{consumers, items, of_type, own_name, statements, target};

/// The name of a role's user: `tax`, `tax-nexus`, or `tax-nexus's schedule`.
pub type RoleName = String;

/// One action that a role has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    pub role: RoleName,
    pub action: String,
}

/// All roles of a template.
#[derive(Debug)]
pub struct Roles {
    /// The resources of each grant, as the table of permissions writes them.
    pub grants: BTreeMap<Grant, BTreeSet<String>>,
    /// The roles that a group's name means: `every consumer`, for example.
    pub groups: BTreeMap<&'static str, BTreeSet<RoleName>>,
}

impl Roles {
    pub fn read(resources: &Value) -> Self {
        let names = role_names(resources);
        let groups = groups(resources, &names);
        let mut grants: BTreeMap<Grant, BTreeSet<String>> = BTreeMap::new();
        for (id, statement) in statements(resources) {
            // A policy of its own names the roles that it is attached to.
            let attached = items(&resources[id]["Properties"]["Roles"]).filter_map(target);
            let ids: Vec<&str> = if resources[id]["Type"] == "AWS::IAM::Role" { vec![id] } else { attached.collect() };
            assert!(!ids.is_empty(), "{id} is attached to no role");
            for id in ids {
                let role = names.get(id).unwrap_or_else(|| panic!("nothing uses {id}"));
                for action in items(&statement["Action"]) {
                    let action = action.as_str().unwrap_or_else(|| panic!("{id}: {action} is no text")).to_owned();
                    let labels =
                        items(&statement["Resource"]).map(|resource| label(resource, id, &groups["every consumer"]));
                    grants.entry(Grant { role: role.clone(), action }).or_default().extend(labels);
                }
            }
        }
        Self { grants, groups }
    }

    /// The resources with a wildcard.
    pub fn wildcards(&self) -> BTreeSet<&str> {
        self.grants.values().flatten().map(String::as_str).filter(|resource| resource.contains('*')).collect()
    }
}

/// The role's logical id, and the function or the schedule that uses it.
fn role_names(resources: &Value) -> BTreeMap<&str, RoleName> {
    let function_name = |function: &Value| own_name(function).expect("a function's name").to_owned();
    let functions = of_type(resources, "AWS::Lambda::Function")
        .filter_map(|(_, function)| Some((target(&function["Role"])?, function_name(function))));
    let schedules = of_type(resources, "AWS::Scheduler::Schedule").filter_map(|(_, schedule)| {
        let function = &resources[target(&schedule["Target"]["Arn"])?]["Properties"];
        Some((target(&schedule["Target"]["RoleArn"])?, format!("{}'s schedule", function_name(function))))
    });
    functions.chain(schedules).collect()
}

fn groups(resources: &Value, names: &BTreeMap<&str, RoleName>) -> BTreeMap<&'static str, BTreeSet<RoleName>> {
    let consumers = consumers(resources).filter_map(|consumer| own_name(consumer.function)).map(str::to_owned);
    let (schedules, functions): (BTreeSet<_>, BTreeSet<_>) =
        names.values().cloned().partition(|name| name.ends_with("'s schedule"));
    [("every consumer", consumers.collect()), ("every function", functions), ("every schedule", schedules)].into()
}

/// A resource as the table writes it: `<role>` is the role's own prefix, `table/<stack>-tax` a table by name. The streams of all
/// consumers' tables are one resource; another test checks that none is missing.
fn label(resource: &Value, role_id: &str, consumers: &BTreeSet<RoleName>) -> String {
    if let Some(id) = target(resource) {
        let own = role_id.trim_end_matches("SchedulerRole").trim_end_matches("Role");
        return id.strip_prefix(own).map_or_else(|| id.to_owned(), |rest| format!("<role>{rest}"));
    }
    let text = resource.as_str().or_else(|| resource["Fn::Sub"].as_str()).unwrap_or_else(|| panic!("{resource}"));
    let name = text.splitn(6, ':').nth(5).unwrap_or(text);
    let name = name.replace("local-", "<stack>-");
    let stream_of = |consumer: &RoleName| format!("table/<stack>-{consumer}/stream/*") == name;
    if consumers.iter().any(stream_of) { "table/<stack>-<consumer>/stream/*".to_owned() } else { name }
}
