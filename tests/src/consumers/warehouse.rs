//! The warehouse consumer and the job that lists what is ready.

mod deployed;
mod fixture;
mod former_waves;
mod lists;
mod races;
mod runs;
