//! From the tables' streams to the bus.

mod faults;
mod redrive;
