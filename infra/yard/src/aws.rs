//! Calls to AWS, or to the local cloud in its place.

pub(crate) mod api;
pub(crate) mod clients;
pub(crate) mod http;
