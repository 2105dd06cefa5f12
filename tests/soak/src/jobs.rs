//! The scheduled jobs of the stack.

use aws_sdk_lambda::primitives::Blob;

use crate::soak_stack::SoakStack;

/// Runs every job once, as the scheduler would. A job is any function that is not a consumer, checkout,
/// orders-api or publisher.
pub(crate) async fn run_jobs(stack: &SoakStack) {
    let deployed = &stack.deployed;
    let is_job = |name: &&String| {
        **name != deployed.checkout
            && **name != deployed.orders_api
            && **name != deployed.publisher
            && !deployed.consumers.iter().any(|consumer| consumer.function == **name)
    };
    for job in deployed.functions.iter().filter(is_job) {
        // A failed run is no error here: the next run does its work.
        stack.cloud.lambda.invoke().function_name(job).payload(Blob::new("{}")).send().await.ok();
    }
}
