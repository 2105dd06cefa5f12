//! Unconditional writes and deletes of several rows in one call.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, ReturnConsumedCapacity, WriteRequest};

use crate::aws_error::dynamodb_failure;
use crate::dynamodb::item::{Key, Row};
use crate::dynamodb::table::Table;
use crate::{Failure, backoff};

/// Requests that one `BatchWriteItem` may hold
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>, 2026-11-21).
const MAX_REQUESTS: usize = 25;

/// How often the requests that DynamoDB left unprocessed are made again.
const MAX_RETRIES: u32 = 3;

/// Writes rows, whether they exist or not.
pub(crate) async fn put_all(table: &Table, rows: impl IntoIterator<Item = Row>) -> Result<(), Failure> {
    let request = |row: Row| {
        let put = PutRequest::builder().set_item(Some(row.into_item())).build()?;
        Ok::<_, BuildError>(WriteRequest::builder().put_request(put).build())
    };
    write_all(table, rows.into_iter().map(request).collect::<Result<_, _>>().map_err(Failure::retry)?).await
}

/// Deletes rows, whether they exist or not.
pub(crate) async fn delete_all(table: &Table, keys: impl IntoIterator<Item = Key>) -> Result<(), Failure> {
    let request = |key: Key| {
        let delete = DeleteRequest::builder().set_key(Some(key.to_item())).build()?;
        Ok::<_, BuildError>(WriteRequest::builder().delete_request(delete).build())
    };
    write_all(table, keys.into_iter().map(request).collect::<Result<_, _>>().map_err(Failure::retry)?).await
}

async fn write_all(table: &Table, requests: Vec<WriteRequest>) -> Result<(), Failure> {
    for chunk in requests.chunks(MAX_REQUESTS) {
        let mut open = chunk.to_vec();
        for attempt in 0.. {
            open = write_some(table, open).await?;
            if open.is_empty() {
                break;
            }
            if attempt == MAX_RETRIES {
                return Err(Failure::retry("DynamoDB BatchWriteItem leaves requests unprocessed: throttled"));
            }
            tokio::time::sleep(backoff::contention(attempt)).await;
        }
    }
    Ok(())
}

/// Returns the requests that DynamoDB left unprocessed.
async fn write_some(table: &Table, requests: Vec<WriteRequest>) -> Result<Vec<WriteRequest>, Failure> {
    let request = table.client().batch_write_item().request_items(table.name(), requests);
    let answer = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
    let mut answer = answer.map_err(|error| {
        table.count(None);
        dynamodb_failure("BatchWriteItem", &error)
    })?;
    table.count(answer.consumed_capacity());
    Ok(answer.unprocessed_items.as_mut().and_then(|tables| tables.remove(table.name())).unwrap_or_default())
}
