//! Conditions and updates as DynamoDB expressions. Names and values always travel as placeholders.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use rust_decimal::Decimal;

use crate::dynamodb::item::Value;

/// What must hold for a write to happen: all tests of the condition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Condition {
    tests: Vec<(String, Test)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Missing,
    Present,
    Compare(&'static str, AttributeValue),
}

impl Condition {
    /// The row has no such attribute (or there is no row).
    pub fn missing(attribute: &str) -> Self {
        Self::default().and(attribute, Test::Missing)
    }

    /// The row has the attribute.
    pub fn present(attribute: &str) -> Self {
        Self::default().and(attribute, Test::Present)
    }

    /// The attribute has this value.
    pub fn equals(attribute: &str, value: impl Into<Value>) -> Self {
        Self::default().and(attribute, Test::Compare("=", value.into().0))
    }

    /// The attribute is this value or more.
    pub fn at_least(attribute: &str, value: impl Into<Value>) -> Self {
        Self::default().and(attribute, Test::Compare(">=", value.into().0))
    }

    /// The attribute is less than this value.
    pub fn below(attribute: &str, value: impl Into<Value>) -> Self {
        Self::default().and(attribute, Test::Compare("<", value.into().0))
    }

    /// Both conditions hold.
    pub fn and_also(mut self, other: Self) -> Self {
        self.tests.extend(other.tests);
        self
    }

    fn and(mut self, attribute: &str, test: Test) -> Self {
        self.tests.push((attribute.to_owned(), test));
        self
    }

    /// The condition expression; `None` if there are no tests.
    pub fn to_expression(&self, names: &mut Placeholders) -> Option<String> {
        let tests: Vec<_> = self
            .tests
            .iter()
            .map(|(attribute, test)| {
                let name = names.name(attribute);
                match test {
                    Test::Missing => format!("attribute_not_exists({name})"),
                    Test::Present => format!("attribute_exists({name})"),
                    Test::Compare(operator, value) => format!("{name} {operator} {}", names.value(value.clone())),
                }
            })
            .collect();
        if tests.is_empty() { None } else { Some(tests.join(" AND ")) }
    }
}

/// A change to one row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Update {
    set: BTreeMap<String, AttributeValue>,
    add: BTreeMap<String, Decimal>,
    remove: Vec<String>,
    condition: Condition,
}

impl Update {
    /// A change without actions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an attribute.
    pub fn set(mut self, attribute: &str, value: impl Into<Value>) -> Self {
        self.set.insert(attribute.to_owned(), value.into().0);
        self
    }

    /// Adds to a number, which starts at zero.
    pub fn add(mut self, attribute: &str, delta: impl Into<Decimal>) -> Self {
        *self.add.entry(attribute.to_owned()).or_default() += delta.into();
        self
    }

    /// Removes an attribute.
    pub fn remove(mut self, attribute: &str) -> Self {
        self.remove.push(attribute.to_owned());
        self
    }

    /// Makes the change only if the condition holds; if not, the handler runs again on fresh reads.
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = self.condition.and_also(condition);
        self
    }

    /// Merges two updates of one row if their order does not matter: additions under the same condition. Both may also set the same
    /// attributes to the same values, such as `expires_at`; but not under a condition, which the first update may make false.
    pub(crate) fn merge(&mut self, other: &Self) -> bool {
        let same_sets = self.set == other.set && (self.set.is_empty() || self.condition == Condition::default());
        let removes = !self.remove.is_empty() || !other.remove.is_empty();
        if removes || !same_sets || self.condition != other.condition {
            return false;
        }
        for (attribute, delta) in &other.add {
            *self.add.entry(attribute.clone()).or_default() += delta;
        }
        true
    }

    /// The update expression and the condition expression.
    pub fn to_expression(&self, names: &mut Placeholders) -> (String, Option<String>) {
        let mut clauses = Vec::new();
        let mut clause = |keyword: &str, parts: Vec<String>| {
            if !parts.is_empty() {
                clauses.push(format!("{keyword} {}", parts.join(", ")));
            }
        };
        clause(
            "SET",
            self.set.iter().map(|(a, v)| format!("{} = {}", names.name(a), names.value(v.clone()))).collect(),
        );
        clause(
            "ADD",
            self.add
                .iter()
                .map(|(a, d)| {
                    format!("{} {}", names.name(a), names.value(AttributeValue::N(d.normalize().to_string())))
                })
                .collect(),
        );
        clause("REMOVE", self.remove.iter().map(|a| names.name(a)).collect());
        (clauses.join(" "), self.condition.to_expression(names))
    }
}

type Names = HashMap<String, String>;
type Values = HashMap<String, AttributeValue>;

/// Placeholders for attribute names and values, so that no reserved word and no value is read as syntax.
#[derive(Debug, Default)]
pub struct Placeholders {
    names: Names,
    values: Values,
}

impl Placeholders {
    fn name(&mut self, attribute: &str) -> String {
        if let Some((placeholder, _)) = self.names.iter().find(|(_, name)| *name == attribute) {
            return placeholder.clone();
        }
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// The maps of names and of values. An empty map is `None`, since DynamoDB refuses empty maps.
    pub fn finish(self) -> (Option<Names>, Option<Values>) {
        (Some(self.names).filter(|names| !names.is_empty()), Some(self.values).filter(|values| !values.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn update_expression_has_only_placeholders() {
        let update =
            Update::new().set("status", "open").add("orders", 1).remove("owner").when(Condition::missing("closed_at"));
        let mut names = Placeholders::default();
        let (expression, condition) = update.to_expression(&mut names);
        assert_eq!(expression, "SET #n0 = :v0 ADD #n1 :v1 REMOVE #n2");
        assert_eq!(condition.as_deref(), Some("attribute_not_exists(#n3)"));
    }

    #[test]
    fn only_additions_merge() {
        let mut sum = Update::new().add("orders", 1);
        assert!(sum.merge(&Update::new().add("orders", 2).add("units", 5)));
        assert_eq!(sum, Update::new().add("orders", 3).add("units", 5));
        assert!(!sum.merge(&Update::new().set("orders", 9)));
        assert!(!sum.merge(&Update::new().add("orders", 1).when(Condition::missing("closed_at"))));
    }

    #[test]
    fn equal_sets_merge_only_without_condition() {
        let counted = |expires_at: i64| Update::new().add("orders", 1).set("expires_at", expires_at);
        let mut sum = counted(9);
        assert!(sum.merge(&counted(9)));
        assert_eq!(sum, Update::new().add("orders", 2).set("expires_at", 9_i64));
        assert!(!sum.merge(&counted(8)));
        let first = |update: Update| update.when(Condition::missing("expires_at"));
        assert!(!first(counted(9)).merge(&first(counted(9))));
    }
}
