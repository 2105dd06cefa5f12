//! The `warehouse-wave` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), switchyard_chassis::Error> {
    switchyard_chassis::schedule(warehouse::ReleaseWave::from_env).await
}
