//! The warehouse consumer and the job that releases pick waves.

mod deployed;
mod fixture;
mod holds;
mod races;
mod runs;
mod waves;
