//! The `orders-api` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), switchyard_chassis::Error> {
    checkout::serve::<orders_api::OrderRoutes>().await
}
