//! `yard protection`: whether the tables that must not be deleted by mistake refuse to be deleted.

use std::collections::HashMap;

use anyhow::Result;
use clap::Args;

use crate::commands::context::{CommandContext, Completion, RegionArgs};
use crate::stack::deployed::{is_failed_create, read_status_and_parameters};
use crate::terminal::output::print_note;

/// The template's parameter that protects the tables.
pub(crate) const PARAMETER: &str = "DeletionProtection";

#[derive(Debug, Args)]
pub(crate) struct ProtectionArgs {
    #[command(flatten)]
    region: RegionArgs,
}

impl ProtectionArgs {
    pub(crate) async fn run(self, context: &CommandContext) -> Result<Completion> {
        let cloud = context.cloud(self.region.region).await?;
        let missing = read_status_and_parameters(&cloud).await?.is_some_and(|(status, parameters)| {
            is_missing(&status, &parameters) // a stack that cannot be updated now is left alone
        });
        if missing {
            print_note(format!(
                "{}: the tables of orders and tax can be deleted; {PARAMETER}=true prevents it",
                cloud.describe()
            ));
        }
        Ok(Completion::from_success(!missing))
    }
}

/// Whether the stack is complete, knows the parameter, and does not protect its tables.
fn is_missing(status: &str, parameters: &HashMap<String, String>) -> bool {
    let complete = status.ends_with("_COMPLETE") && !is_failed_create(status) && status != "DELETE_COMPLETE";
    complete && parameters.get(PARAMETER).is_some_and(|value| value == "false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protection_is_missing_only_in_a_complete_stack() {
        let parameters = |value: &str| HashMap::from([(PARAMETER.to_owned(), value.to_owned())]);
        for status in ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"] {
            assert!(is_missing(status, &parameters("false")), "{status}");
            assert!(!is_missing(status, &parameters("true")), "{status}");
            // A template that is older than the parameter.
            assert!(!is_missing(status, &HashMap::new()), "{status}");
        }
        // After a declined or a failed first deployment, another one would create the tables already protected.
        for status in
            ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "CREATE_FAILED", "UPDATE_IN_PROGRESS", "DELETE_COMPLETE"]
        {
            assert!(!is_missing(status, &parameters("false")), "{status}");
        }
    }
}
