//! Sends a confirmation of every order.

use email::Email;
use switchyard_chassis::{Error, deliver};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    deliver(Email::from_env).await
}
