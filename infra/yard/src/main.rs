//! `yard`, the operator's command line.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    yard::cli::run().await
}
