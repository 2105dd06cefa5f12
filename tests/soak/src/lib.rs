//! Orders flow while faults fire; then every table and every mail is compared with the orders that were accepted.
//!
//! * `options`: how many orders, how long, which seed
//! * `stage`: a local cloud of its own, whose functions reach AWS through the fault proxy
//! * `wares`, `cart`: what is sold, and what is ordered
//! * `client`: places orders as a client would that means each to be placed once
//! * `storm`, `mischief`: faults of calls and processes; events told again and out of order
//! * `shuffle`: instead of faults, every event several times in shuffled order
//! * `witness`: kills whom the proxy says, and keeps a journal of leases and mails
//! * `calm`: waits until all is applied, and redrives dead letters
//! * `audit`: computes naively what must be there, and compares; a file for each consumer
//! * `tally`, `report`: what is said in the end

mod audit;
mod calm;
mod cart;
mod client;
mod mischief;
mod options;
mod process;
mod report;
mod run;
mod shuffle;
mod stage;
mod storm;
mod tally;
mod wares;
mod witness;

pub use run::run;
