//! A fault proxy as a process of its own.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    switchyard_faults::run().await
}
