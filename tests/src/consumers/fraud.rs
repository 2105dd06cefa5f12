//! The fraud consumer: scores, reviews, cancellations, and the job that rejects what was not reviewed.

mod cancellations;
mod expiry;
mod fixture;
mod former_version;
mod reviews;
mod scores;
