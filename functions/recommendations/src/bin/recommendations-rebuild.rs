//! The `recommendations-rebuild` function: what to offer to whoever has bought something since its last run.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), switchyard_chassis::Error> {
    switchyard_chassis::schedule(recommendations::RebuildFeatures::from_env).await
}
