//! Calls to AWS, or to the local cloud in its place.

pub(crate) mod api;
pub(crate) mod clients;
pub(crate) mod http;
pub(crate) mod service_quotas;
pub(crate) mod signature;
