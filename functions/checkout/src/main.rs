//! The `checkout` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), switchyard_chassis::Error> {
    checkout::serve::<checkout::PlaceOrder>().await
}
