//! The `warehouse-wave` function: closes waves whose time is over.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), switchyard_chassis::Error> {
    switchyard_chassis::schedule(warehouse::ReleaseWaves::from_env).await
}
