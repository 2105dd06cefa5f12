//! The `recommendations` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), switchyard_chassis::Error> {
    switchyard_chassis::consume(recommendations::Recommendations::from_env).await
}
