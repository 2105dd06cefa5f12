//! [`Findings`]: what an account has, as far as it could be read.

/// A value that was read, or the reason why it could not be read.
pub(crate) type Found<T> = Result<T, String>;

/// An account and a region, and how the template will be deployed there.
#[derive(Debug, Clone)]
pub(crate) struct Findings {
    /// True on a local cloud. Its quotas are made up, and no deployment to it needs an account.
    pub(crate) local: bool,
    /// The stack's name.
    pub(crate) stack: String,
    pub(crate) region: String,
    /// The region that sam uses if none is passed to it (`AWS_DEFAULT_REGION`).
    pub(crate) sam_region: Option<String>,
    /// The ARN of the caller.
    pub(crate) identity: Found<String>,
    pub(crate) lambda: Found<LambdaConcurrency>,
    pub(crate) events: Found<EventQuotas>,
    pub(crate) ses: Found<SesAccount>,
    /// CloudFormation's status of the stack; none if there is no such stack.
    pub(crate) stack_status: Found<Option<String>>,
    /// Whether the table exists that the stack would create for orders.
    pub(crate) orders_table_exists: Found<bool>,
    pub(crate) sender: Sender,
    /// The sum of the parameters for reserved concurrency, less what the deployed stack reserves already.
    pub(crate) reserved_concurrency: u32,
    /// Requests per second that the API will accept.
    pub(crate) api_rate: f64,
    /// Whether the tables will refuse to be deleted.
    pub(crate) protects_tables: bool,
}

impl Findings {
    /// Without credentials every call fails, so the others refer to the first reason.
    pub(crate) fn with_one_reason_for_missing_credentials(mut self) -> Self {
        fn refer<T>(found: &mut Found<T>) {
            if found.is_err() {
                *found = Err("See the check \"identity\".".to_owned());
            }
        }
        if self.identity.is_err() {
            refer(&mut self.lambda);
            refer(&mut self.events);
            refer(&mut self.ses);
            refer(&mut self.stack_status);
            refer(&mut self.orders_table_exists);
            refer(&mut self.sender.identity);
            refer(&mut self.sender.domain);
        }
        self
    }
}

/// Executions at a time, of all functions in the region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LambdaConcurrency {
    pub(crate) quota: u32,
    pub(crate) unreserved: u32,
}

/// EventBridge's quotas per second; none if Service Quotas does not list one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventQuotas {
    pub(crate) put_events: Option<f64>,
    pub(crate) invocations: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct SesAccount {
    pub(crate) sending_enabled: bool,
    /// False in the sandbox.
    pub(crate) production_access: bool,
    pub(crate) max_per_second: f64,
    pub(crate) max_per_day: f64,
    pub(crate) sent_last_day: f64,
}

/// The sender of the mails.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    /// From the parameters, or from the deployed stack; none if neither has one.
    pub(crate) address: Option<String>,
    /// Whether the deployment will create the identity of the address: not if the stack has it already, and not with
    /// `CreateSender=false`.
    pub(crate) will_be_created: bool,
    /// Of the address itself.
    pub(crate) identity: Found<Identity>,
    /// Of the address's domain.
    pub(crate) domain: Found<Identity>,
}

/// What SES knows of an address or a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    Missing,
    Unverified,
    Verified,
}
