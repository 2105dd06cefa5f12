//! The exit codes of `yard`, in one place.

/// Everything asked for was done.
pub const OK: u8 = 0;
/// It was not: a call was refused, a consumer is not done, a deployment failed.
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

/// An error with an exit code of its own; any other ends in [`FAILED`].
#[derive(Debug)]
struct Coded {
    code: u8,
    message: String,
}

impl std::fmt::Display for Coded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Coded {}

/// An error that ends the process with this code.
pub fn with(code: u8, message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Coded { code, message: message.into() })
}

/// The code that an error ends the process with.
pub fn code_for(error: &anyhow::Error) -> u8 {
    error.downcast_ref::<Coded>().map_or(FAILED, |coded| coded.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_code_under_added_context() {
        let unknown = with(UNKNOWN_ORDER, "ord_1 is not in the table").context("tracing");
        assert_eq!(code_for(&unknown), UNKNOWN_ORDER);
        assert_eq!(code_for(&anyhow::anyhow!("anything else")), FAILED);
    }
}
