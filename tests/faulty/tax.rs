//! A tax consumer that panics on every order of the user `usr_panics`. A test of poison messages deploys it instead of the real one.

use switchyard_chassis::{Consumer, Effects, Env, Error, Failure, Received};
use switchyard_events::PlacedOrCancelled;
use tax::Tax;

struct PanickingTax(Tax);

impl Consumer for PanickingTax {
    const NAME: &'static str = Tax::NAME;
    type Event = PlacedOrCancelled;

    async fn handle(&self, event: &Received<PlacedOrCancelled>, effects: &mut Effects) -> Result<(), Failure> {
        assert_ne!(event.order().user_id.as_str(), "usr_panics", "on purpose");
        self.0.handle(event, effects).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    switchyard_chassis::consume(|env: &mut Env| PanickingTax(Tax::from_env(env))).await
}
