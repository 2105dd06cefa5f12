//! The tax consumer: the ledger, and the job that announces crossed nexus thresholds.

mod deployed;
mod ledger;
mod nexus;
mod nexus_fixture;
mod nexus_rules;
