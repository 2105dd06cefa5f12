//! The `order-status` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), switchyard_chassis::Error> {
    checkout::serve::<order_status::GetOrder>().await
}
