//! The API that lists, shows and cancels orders.

mod cancel;
mod list;
mod old_orders;
mod tokens;
