//! The `tax-nexus` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), switchyard_chassis::Error> {
    switchyard_chassis::schedule(tax::NexusJob::from_env).await
}
