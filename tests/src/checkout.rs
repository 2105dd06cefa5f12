//! The checkout API.

mod faults;
mod hostile_carts;
mod idempotency;
mod invalid_carts;
mod orders;
mod stock;
