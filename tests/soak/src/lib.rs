//! Orders are placed while faults are injected; then every table and every mail is compared with the accepted orders.
//!
//! * `args`: how many orders, how long, which seed
//! * `run`: one run from the command line to the report; `fault_run`, `shuffle_run`, `upgrade_run` and `outage` are its kinds
//! * `soak_stack`: a local cloud for one run, whose functions reach AWS through the fault proxy
//! * `products`, `cart`: what is sold, and what is ordered
//! * `client`, `order_log`: clients that want each order placed once, and the outcomes that they know
//! * `changes`: cancellations and reviews at random moments; `cancellation`, `review`: one of each
//! * `fault_injection`, `resend`: faults of calls and processes; events sent again and out of order
//! * `shuffled_delivery`: instead of faults, every event several times in shuffled order
//! * `earlier_version`, `earlier_stack`: what an upgrade begins with; `dead_letters`: those that it must leave alone
//! * `call_recorder`, `email_journal`, `process`: records leases and mails at the proxy, and kills function processes
//! * `queues`, `mapping`, `redrive`, `jobs`, `events`: waits until all messages are processed, redrives dead letters,
//!   runs the jobs
//! * `audit`, `collect`: computes in the simplest way what must be stored, and compares; one file per consumer
//! * `log_totals`, `report`: the output

mod args;
mod audit;
mod call_recorder;
mod cancellation;
mod cart;
mod changes;
mod client;
mod collect;
mod dead_letters;
mod earlier_stack;
mod earlier_version;
mod email_journal;
mod events;
mod fault_injection;
mod fault_run;
mod jobs;
mod log_totals;
mod mapping;
mod order_log;
mod outage;
mod process;
mod products;
mod progress;
mod queues;
mod redrive;
mod report;
mod resend;
mod review;
mod run;
mod shuffle_run;
mod shuffled_delivery;
mod soak_stack;
mod upgrade_run;

pub use run::run;
