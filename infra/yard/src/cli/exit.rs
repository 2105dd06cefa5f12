//! The exit codes of `yard`, in one place.

use crate::commands::context::Completion;
use crate::stack::error::StackError;

/// The command did everything that it was called for.
pub const OK: u8 = 0;
/// The command did not: a call was refused, a consumer is not done, a deployment failed.
pub const FAILED: u8 = 1;
/// The command line makes no sense (clap's own code).
pub const USAGE: u8 = 2;
/// There is no stack to talk to: none is up locally, or AWS has none of that name.
pub const NO_STACK: u8 = 3;
/// No order has that id.
pub const UNKNOWN_ORDER: u8 = 4;

/// Shown at the end of `yard --help`.
pub const HELP: &str = "\
Exit codes:
  0  everything asked for was done
  1  it was not (a call was refused, a consumer is not done, a deployment failed)
  2  the command line makes no sense
  3  there is no stack to talk to
  4  no order has that id";

/// The code that an error ends the process with: [`FAILED`], unless it is caused by a [`StackError`].
pub fn code_for(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<StackError>() {
        Some(StackError::NotDeployed { .. } | StackError::InstanceDown { .. }) => NO_STACK,
        Some(StackError::UnknownOrder { .. }) => UNKNOWN_ORDER,
        None => FAILED,
    }
}

pub(crate) fn code_for_completion(completion: Completion) -> u8 {
    match completion {
        Completion::Done => OK,
        Completion::NotDone => FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_code_survives_added_error_context() {
        let unknown = StackError::UnknownOrder { order_id: "ord_1".into(), table: "orders".into() };
        let unknown = anyhow::Error::new(unknown).context("tracing");
        assert_eq!(code_for(&unknown), UNKNOWN_ORDER);
        assert_eq!(code_for(&anyhow::anyhow!("anything else")), FAILED);
    }
}
