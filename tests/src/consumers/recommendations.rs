//! The recommendations consumer: recent purchases, pair counters, and the job that rebuilds features.

mod fixture;
mod history;
mod model;
mod purchases;
mod rebuild;
