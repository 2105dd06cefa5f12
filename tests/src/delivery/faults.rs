//! What the chassis does when calls to AWS fail, one kind of failure at a time, through the fault proxy.

mod leases;
mod messages;
mod outages;
mod single_row;
mod transactions;
