//! The `recommendations-rebuild` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), switchyard_chassis::Error> {
    switchyard_chassis::schedule(recommendations::RebuildFeatures::from_env).await
}
