//! The writes that a handler asks for, and which of them can share a request.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update as UpdateAction,
};

use crate::dynamodb::expression::{Condition, Placeholders, Update};
use crate::dynamodb::item::{Key, Row};

/// The condition of a write that creates a row.
pub(crate) const IS_NEW: &str = "attribute_not_exists(pk)";

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Write {
    /// Creates the row that marks an event as applied.
    Marker(Row),
    /// Writes a row, whether it exists or not.
    Put(Row),
    /// Creates a row.
    PutNew(Row),
    /// Changes a row.
    Update(Key, Update),
    /// Writes nothing; the transaction fails if the condition does not hold.
    Check(Key, Condition),
}

impl Write {
    pub(crate) fn key(&self) -> &Key {
        match self {
            Self::Marker(row) | Self::Put(row) | Self::PutNew(row) => &row.key,
            Self::Update(key, _) | Self::Check(key, _) => key,
        }
    }

    /// Merges another write of the same row into this one. Returns false, and changes nothing, if their order matters.
    pub(crate) fn merge(&mut self, other: &Self) -> bool {
        match (self, other) {
            (Self::Update(_, update), Self::Update(_, other)) => update.merge(other),
            (Self::Check(_, condition), Self::Check(_, other)) => condition == other,
            _ => false,
        }
    }

    /// The write as an action of `TransactWriteItems`.
    pub(crate) fn to_action(&self, table: &str) -> Result<TransactWriteItem, BuildError> {
        let action = TransactWriteItem::builder();
        let put = |row: &Row| Put::builder().table_name(table).set_item(Some(row.clone().into_item()));
        Ok(match self {
            Self::Marker(row) => {
                let put = put(row).condition_expression(IS_NEW);
                let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
                action.put(put.build()?)
            }
            Self::Put(row) => action.put(put(row).build()?),
            Self::PutNew(row) => action.put(put(row).condition_expression(IS_NEW).build()?),
            Self::Update(key, update) => action.update(update_action(table, key, update)?),
            Self::Check(key, condition) => action.condition_check(condition_check(table, key, condition)?),
        }
        .build())
    }
}

fn update_action(table: &str, key: &Key, update: &Update) -> Result<UpdateAction, BuildError> {
    let mut placeholders = Placeholders::default();
    let (expression, condition) = update.to_expression(&mut placeholders);
    let (names, values) = placeholders.finish();
    UpdateAction::builder()
        .table_name(table)
        .set_key(Some(key.to_item()))
        .update_expression(expression)
        .set_condition_expression(condition)
        .set_expression_attribute_names(names)
        .set_expression_attribute_values(values)
        .build()
}

fn condition_check(table: &str, key: &Key, condition: &Condition) -> Result<ConditionCheck, BuildError> {
    let mut placeholders = Placeholders::default();
    let condition = condition.to_expression(&mut placeholders);
    let (names, values) = placeholders.finish();
    ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(key.to_item()))
        .set_condition_expression(condition)
        .set_expression_attribute_names(names)
        .set_expression_attribute_values(values)
        .build()
}

/// The writes of one event: at most one per row. The marker comes first.
///
/// This type and [`Write::merge`] hold all rules about which writes can be merged and which must follow one another.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct WriteSet {
    writes: Vec<Write>,
    /// Whether several events may have the same marker, of which only the first has an effect.
    pub(crate) first_event_wins: bool,
}

impl WriteSet {
    /// Adds a write. Returns the row's key if the set has a write of the same row that it cannot be merged with.
    pub(crate) fn insert(&mut self, write: Write) -> Result<(), Key> {
        if let Some(same_row) = self.writes.iter_mut().find(|other| other.key() == write.key()) {
            return if same_row.merge(&write) { Ok(()) } else { Err(write.key().clone()) };
        }
        let index = if matches!(write, Write::Marker(_)) { 0 } else { self.writes.len() };
        self.writes.insert(index, write);
        Ok(())
    }

    /// The row that marks the event as applied, if there is one yet.
    pub(crate) fn marker_mut(&mut self) -> Option<&mut Row> {
        match self.writes.first_mut() {
            Some(Write::Marker(row)) => Some(row),
            _ => None,
        }
    }

    /// The row, if the marker is the only write.
    pub(crate) fn only_marker(&self) -> Option<&Row> {
        match self.writes.as_slice() {
            [Write::Marker(row)] => Some(row),
            _ => None,
        }
    }

    /// Whether these writes must be made after the earlier ones: they come from reads of rows that the earlier ones write, or both
    /// write one row and cannot be merged.
    pub(crate) fn must_follow(&self, reads: &[Key], earlier: &Self) -> bool {
        earlier.writes.iter().any(|before| {
            let conflicts = |write: &Write| write.key() == before.key() && !before.clone().merge(write);
            reads.contains(before.key()) || self.writes.iter().any(conflicts)
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Write> {
        self.writes.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.writes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(pk: &str) -> Key {
        Key::new(pk, "ROW")
    }

    fn add(pk: &str) -> Write {
        Write::Update(key(pk), Update::new().add("orders", 1))
    }

    fn set(writes: &[Write]) -> WriteSet {
        let mut set = WriteSet::default();
        for write in writes {
            set.insert(write.clone()).unwrap();
        }
        set
    }

    #[test]
    fn write_set_merges_additions_and_refuses_conflicting_writes() {
        let mut writes = set(&[add("A"), add("A"), Write::Marker(Row::new(key("MARKER")))]);
        assert_eq!(writes.len(), 2);
        assert_eq!(writes.marker_mut().map(|row| row.key.clone()), Some(key("MARKER")));
        assert_eq!(writes.insert(Write::Put(Row::new(key("A")))), Err(key("A")));
        assert_eq!(writes.insert(Write::Marker(Row::new(key("MARKER")))), Err(key("MARKER")));
    }

    #[test]
    fn write_set_follows_a_write_it_read_or_conflicts_with() {
        let earlier = set(&[add("A"), Write::Put(Row::new(key("B")))]);
        let cases = [
            (vec![add("A")], vec![], false),
            (vec![add("C")], vec![key("D")], false),
            (vec![add("C")], vec![key("A")], true),
            (vec![add("B")], vec![], true),
            (vec![Write::Marker(Row::new(key("A")))], vec![], true),
        ];
        for (writes, reads, expected) in cases {
            assert_eq!(set(&writes).must_follow(&reads, &earlier), expected, "{writes:?} {reads:?}");
        }
    }
}
