//! The local cloud on this machine: its emulator process, and what is built and deployed into it.

pub(crate) mod build;
pub(crate) mod deploy;
pub(crate) mod emulator;
pub(crate) mod health;
pub(crate) mod instance;
pub(crate) mod log_file;
pub(crate) mod process;
pub(crate) mod project;
pub(crate) mod venv;
