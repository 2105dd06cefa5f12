//! Orders under faults, and then an audit: `make soak`.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    switchyard_soak::run().await
}
