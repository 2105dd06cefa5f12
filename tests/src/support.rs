//! What several tests use: the deployed stack, test data, fault injection.

mod carts;
mod events;
mod fault_setup;
pub mod hostile_text;
mod template;
mod test_order;
mod test_stack;
mod wait;

pub use carts::{new_cart, new_user_id};
pub use events::{
    bus_entry, cancellation_requested, new_order, order_cancelled, order_confirmed, order_flagged, order_placed,
    order_rejected, pick_withdrawal_refused, publish_order_and_cancellation, put_on_bus, wave_released,
};
pub use fault_setup::{
    BATCH_TIMEOUT, DEDUP, FaultSetup, FnConsumer, event_id_of_order, fail_always, fail_first, fault_clients, is_order,
    message_of_order, order_row,
};
pub use template::expand;
pub use test_order::{TestOrder, TestOrderLine, apply_bodies, apply_orders, new_batch, new_harness};
pub use test_stack::{Item, TestStack, accepted_order_id, text};
pub use wait::{TIMEOUT, wait_until};
