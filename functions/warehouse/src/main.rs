//! The `warehouse` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), switchyard_chassis::Error> {
    switchyard_chassis::consume(warehouse::Warehouse::from_env).await
}
