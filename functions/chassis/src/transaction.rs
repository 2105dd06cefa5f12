//! Several events' writes in one `TransactWriteItems`.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update as UpdateAction,
};

use crate::expression::Placeholders;
use crate::{Condition, Key, Row, Update};

/// The most writes that one transaction may hold
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>, 2026-11-21).
pub(crate) const MAX_WRITES: usize = 100;

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Write {
    /// The row that says an event was applied; new, or of an earlier generation.
    Marker(Row, u32),
    /// A row, whatever was there.
    Put(Row),
    /// A row where none was.
    PutNew(Row),
    /// A change to a row.
    Update(Key, Update),
    /// Only a condition.
    Check(Key, Condition),
}

impl Write {
    pub(crate) fn key(&self) -> &Key {
        match self {
            Self::Marker(row, _) | Self::Put(row) | Self::PutNew(row) => &row.key,
            Self::Update(key, _) | Self::Check(key, _) => key,
        }
    }

    /// Whether both can become one write of their common row.
    pub(crate) fn merges_with(&self, other: &Self) -> bool {
        self.clone().merge(other)
    }

    /// Takes another write of the same row into this one, if their order does not matter.
    fn merge(&mut self, other: &Self) -> bool {
        match (self, other) {
            (Self::Update(_, update), Self::Update(_, other)) => update.merge(other),
            (Self::Check(_, condition), Self::Check(_, other)) => condition == other,
            _ => false,
        }
    }

    /// The condition of a marker or a new row, and its value if it needs one.
    pub(crate) fn newness(generation: u32) -> (&'static str, Option<AttributeValue>) {
        match generation {
            0 | 1 => ("attribute_not_exists(pk)", None),
            _ => (
                "attribute_not_exists(pk) OR attribute_not_exists(generation) OR generation < :generation",
                Some(AttributeValue::N(generation.to_string())),
            ),
        }
    }

    fn to_action(&self, table: &str) -> Result<TransactWriteItem, BuildError> {
        let all_old = ReturnValuesOnConditionCheckFailure::AllOld;
        let action = TransactWriteItem::builder();
        let put = |row: &Row| Put::builder().table_name(table).set_item(Some(row.clone().into_item()));
        Ok(match self {
            Self::Marker(row, generation) => {
                let (condition, value) = Self::newness(*generation);
                let put = put(row).condition_expression(condition).return_values_on_condition_check_failure(all_old);
                let values = value.map(|value| [(":generation".to_owned(), value)].into());
                action.put(put.set_expression_attribute_values(values).build()?)
            }
            Self::Put(row) => action.put(put(row).build()?),
            Self::PutNew(row) => action.put(put(row).condition_expression(Self::newness(1).0).build()?),
            Self::Update(key, update) => {
                let mut placeholders = Placeholders::default();
                let (expression, condition) = update.write(&mut placeholders);
                let (names, values) = placeholders.finish();
                let update = UpdateAction::builder().table_name(table).set_key(Some(key.to_item()));
                let update = update.update_expression(expression).set_condition_expression(condition);
                action.update(
                    update.set_expression_attribute_names(names).set_expression_attribute_values(values).build()?,
                )
            }
            Self::Check(key, condition) => {
                let mut placeholders = Placeholders::default();
                let condition = condition.write(&mut placeholders);
                let (names, values) = placeholders.finish();
                let check = ConditionCheck::builder().table_name(table).set_key(Some(key.to_item()));
                let check = check.set_condition_expression(condition);
                action.condition_check(
                    check.set_expression_attribute_names(names).set_expression_attribute_values(values).build()?,
                )
            }
        }
        .build())
    }
}

/// Writes that go together, each with the events (by their place in the batch) that want it.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    writes: Vec<(Write, Vec<usize>)>,
}

impl Transaction {
    /// Adds an event's writes; gives them back untouched if the transaction would grow past what DynamoDB takes.
    ///
    /// Writes of one row have been seen to merge before ([`crate::Effects`] of events that do not go into separate transactions).
    pub(crate) fn add(&mut self, event: usize, writes: &[Write]) -> bool {
        let new =
            writes.iter().filter(|write| !self.writes.iter().any(|(other, _)| other.key() == write.key())).count();
        if self.writes.len() + new > MAX_WRITES {
            return false;
        }
        for write in writes {
            let same_row = self.writes.iter_mut().find(|(other, _)| other.key() == write.key());
            let merged = same_row.is_some_and(|(other, owners)| {
                owners.push(event);
                other.merge(write)
            });
            if !merged {
                self.writes.push((write.clone(), vec![event]));
            }
        }
        true
    }

    /// The transaction as DynamoDB takes it.
    pub(crate) fn actions(&self, table: &str) -> Result<Vec<TransactWriteItem>, BuildError> {
        self.writes.iter().map(|(write, _)| write.to_action(table)).collect()
    }

    /// The write at this place, and the events that want it.
    pub(crate) fn write(&self, place: usize) -> Option<(&Write, &[usize])> {
        self.writes.get(place).map(|(write, owners)| (write, owners.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(pk: &str, number: i64) -> Write {
        Write::Update(Key::new(pk, "ROLLUP"), Update::new().add("orders", number))
    }

    fn marker(pk: &str) -> Write {
        Write::Marker(Row::new(Key::new(pk, "EVENT")), 1)
    }

    #[test]
    fn ten_events_that_add_to_one_row_make_eleven_writes() {
        let mut transaction = Transaction::default();
        for event in 0..10 {
            assert!(transaction.add(event, &[marker(&format!("ORDER#{event}")), add("DAY#1", 1)]));
        }
        assert_eq!(transaction.writes.len(), 11);
        let (write, owners) = transaction.write(1).unwrap();
        assert_eq!((write, owners.len()), (&add("DAY#1", 10), 10));
    }

    #[test]
    fn an_event_that_does_not_fit_is_left_out_whole() {
        let mut transaction = Transaction::default();
        let many: Vec<_> = (0..60).map(|n| add(&format!("SKU#{n}"), 1)).collect();
        let others: Vec<_> = (60..120).map(|n| add(&format!("SKU#{n}"), 1)).collect();
        assert!(transaction.add(0, &many));
        assert!(!transaction.add(1, &others));
        assert_eq!(transaction.writes.len(), 60);
    }
}
