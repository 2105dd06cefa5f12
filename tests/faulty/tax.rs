//! A tax consumer that panics on every order of the user `usr_panics`. A test of poison messages deploys it instead of the real one.

use switchyard_chassis::{Consumer, Effects, Env, Error, Failure, Received};
use switchyard_events::OrderPlaced;
use tax::Tax;

struct PanickingTax(Tax);

impl Consumer for PanickingTax {
    const NAME: &'static str = Tax::NAME;
    type Event = OrderPlaced;

    async fn handle(&self, order: &Received<OrderPlaced>, effects: &mut Effects) -> Result<(), Failure> {
        assert_ne!(order.user_id.as_str(), "usr_panics", "on purpose");
        self.0.handle(order, effects).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    switchyard_chassis::consume(|env: &mut Env| PanickingTax(Tax::from_env(env))).await
}
