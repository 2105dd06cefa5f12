//! The `orders` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), switchyard_chassis::Error> {
    switchyard_chassis::consume(orders::Orders::from_env).await
}
