//! The `fraud-expiry` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), switchyard_chassis::Error> {
    switchyard_chassis::schedule(fraud::ExpireReviews::from_env).await
}
