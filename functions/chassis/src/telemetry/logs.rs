//! Logs as JSON, one line each.

use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::Env;

/// Starts logging to standard output; `LOG_LEVEL` is `error`, `warn`, `info` (default) or `debug`.
pub fn start(env: &mut Env) {
    let level = env.or("LOG_LEVEL", "info".to_owned());
    let level = LevelFilter::from_str(&level).unwrap_or(LevelFilter::INFO);
    // The SDK's own debug logs hold whole requests, and with them personal data.
    let filter = EnvFilter::default().add_directive(level.into());
    let quiet = [
        "aws_smithy_runtime",
        "aws_sdk_dynamodb",
        "aws_sdk_sqs",
        "aws_sdk_sesv2",
        "aws_sdk_eventbridge",
        "hyper",
        "hyper_util",
        "lambda_runtime",
    ];
    let filter =
        quiet.iter().filter_map(|name| format!("{name}=warn").parse().ok()).fold(filter, EnvFilter::add_directive);
    let started = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(filter)
        .try_init();
    if let Err(error) = started {
        tracing::debug!(%error, "logging had been started before");
    }
}
