//! From `main` to the Lambda runtime.

pub(crate) mod clients;
pub(crate) mod entrypoint;
pub(crate) mod job_runner;
