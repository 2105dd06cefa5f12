//! Integration tests on the deployed stack of the local cloud, with IAM enforcement on.
//!
//! The modules mirror the components.
//!
//! `make test` brings the stack up as instance `test`; `SWITCHYARD_INSTANCE` names another one.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a helper that fails is a test that fails
#![allow(unreachable_pub)] // nothing here is reached from outside

mod checkout;
mod consumers;
mod delivery;
mod infra;
mod orders_api;
mod publisher;
mod support;
