//! The `email` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), switchyard_chassis::Error> {
    switchyard_chassis::deliver(email::Email::from_env).await
}
