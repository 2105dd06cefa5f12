//! The `analytics` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), switchyard_chassis::Error> {
    switchyard_chassis::consume(analytics::Analytics::from_env).await
}
