//! What a command can miss: a stack, or an order in it. Each has an exit code of its own.

/// Why there is nothing to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// CloudFormation knows no stack of that name.
    #[error("{stack} does not exist: deploy it first")]
    NotDeployed {
        /// The stack and its place, as `Cloud::describe` names them.
        stack: String,
    },
    /// The local instance has no running emulator.
    #[error("no local instance {instance} is up: run `make up`, or pass --aws")]
    InstanceDown { instance: String },
    /// The orders table has no such order.
    #[error("there is no order {order_id} in {table}")]
    UnknownOrder { order_id: String, table: String },
}
