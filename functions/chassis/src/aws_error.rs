//! What an error of an AWS call means.

use std::error::Error as _;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::Failure;

/// One line: the service's code and message, or why no answer came.
pub fn describe<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

/// A failed DynamoDB call as a failure that may pass.
pub(crate) fn dynamodb_failure<E, R>(operation: &str, error: &SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    Failure::retry(format!("DynamoDB {operation}: {}", describe(error)))
}

/// Whether DynamoDB refused a call, or one write of it, because of other traffic: another write to the same row, or throttling.
/// The same write can succeed a moment later.
pub(crate) fn is_contention(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "TransactionConflict"
                | "TransactionConflictException"
                | "TransactionInProgressException"
                | "ProvisionedThroughputExceeded"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "ThrottlingError"
                | "ThrottlingException"
        )
    )
}
