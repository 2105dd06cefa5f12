//! One file per command, with its arguments and its function.

pub mod cancel;
pub(crate) mod cleanup;
pub(crate) mod context;
pub mod dlq;
pub(crate) mod down;
pub mod email;
pub(crate) mod invoke;
pub(crate) mod order;
pub(crate) mod preflight;
pub(crate) mod protection;
pub mod replay;
pub mod revenue;
pub mod review;
pub(crate) mod seed;
pub(crate) mod status;
pub mod tax;
pub(crate) mod tools;
pub mod trace;
pub mod up;
