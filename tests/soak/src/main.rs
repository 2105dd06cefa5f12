//! Orders under faults, and then an audit: `make soak`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    switchyard_soak::run().await
}
