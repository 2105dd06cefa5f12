//! All rows of a table, page by page.

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;

use crate::Failure;
use crate::aws_error::dynamodb_failure;
use crate::dynamodb::expression::{Condition, Placeholders};
use crate::dynamodb::item::{Item, Key};
use crate::dynamodb::table::Table;

/// The rows of one page for which the condition holds, and where the next page starts.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanPage {
    /// The rows. There may be none although later pages have some.
    pub rows: Vec<Item>,
    /// The key after which the next page starts; `None` at the end of the table.
    pub last: Option<Key>,
}

impl Table {
    /// Reads a page of the whole table (1 MB, <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html>,
    /// 2026-11-21), eventually consistent. Every row that is read is charged, also if the condition does not hold.
    pub async fn scan(&self, filter: &Condition, after: Option<&Key>) -> Result<ScanPage, Failure> {
        let mut placeholders = Placeholders::default();
        let filter = filter.to_expression(&mut placeholders);
        let (names, values) = placeholders.finish();
        let request = self.client.scan().table_name(&self.name);
        let request = request
            .set_filter_expression(filter)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .set_exclusive_start_key(after.map(Key::to_item))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = request.send().await.map_err(|error| dynamodb_failure("Scan", &error))?;
        self.count(answer.consumed_capacity());
        let last = answer.last_evaluated_key.as_ref().and_then(Key::from_item);
        Ok(ScanPage { rows: answer.items.unwrap_or_default(), last })
    }
}
