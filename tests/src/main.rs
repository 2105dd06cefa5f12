//! What Switchyard promises, seen on the deployed stack: the local cloud's, with IAM on.
//!
//! `make test` brings the stack up as instance `test`; `SWITCHYARD_INSTANCE` names another one.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a helper that fails is a test that fails
#![allow(unreachable_pub)] // nothing here is reached from outside

mod carts;
mod conformance;
mod duplicates;
mod facts;
mod faults;
mod fraud_score;
mod hostile;
mod idempotency;
mod isolation;
mod ledger;
mod mail;
mod nexus;
mod order_path;
mod permissions;
mod poison;
mod recommending;
mod revenue;
mod sold;
mod status;
mod stock;
mod template;
mod tidy;
mod untrusted;
mod waves;
mod world;
