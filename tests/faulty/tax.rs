//! The tax consumer with a fault: it panics on every order of the user `usr_panics`.

use switchyard_chassis::{Consumer, Effects, Env, Error, Failure, Received};
use switchyard_events::OrderPlaced;
use tax::Tax;

struct FaultyTax(Tax);

impl Consumer for FaultyTax {
    const NAME: &'static str = Tax::NAME;
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        assert_ne!(order.user_id.as_str(), "usr_panics", "on purpose");
        self.0.handle(order, effects).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    switchyard_chassis::consume(|env: &mut Env| FaultyTax(Tax::from_env(env))).await
}
