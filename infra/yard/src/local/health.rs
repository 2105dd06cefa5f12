//! Waits until a stack is ready for orders.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

use crate::aws::clients::Cloud;
use crate::stack::deployed::Stack;
use crate::terminal::progress::Step;

const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// Waits until every mapping has settled and the API answers. A disabled mapping stays disabled, and is named.
pub(crate) async fn await_ready(cloud: &Cloud) -> Result<Stack> {
    let step = Step::new("ready");
    let deadline = Instant::now() + READY_TIMEOUT;
    loop {
        let stack = Stack::read(cloud).await?;
        let Some(reason) = find_unready(cloud, &stack).await? else {
            step.done(describe_ready(&stack));
            return Ok(stack);
        };
        if Instant::now() >= deadline {
            bail!("the stack is not ready after {} s: {reason}", READY_TIMEOUT.as_secs());
        }
        step.detail(&reason);
        sleep(Duration::from_millis(250)).await;
    }
}

fn describe_ready(stack: &Stack) -> String {
    let disabled = stack.consumers.iter().filter(|consumer| consumer.mapping_state == "Disabled");
    let disabled: Vec<&str> = disabled.map(|consumer| consumer.name.as_str()).collect();
    let but = if disabled.is_empty() { String::new() } else { format!("; disabled: {}", disabled.join(", ")) };
    format!("{} consumers{but}, API {}", stack.consumers.len(), stack.api_url)
}

/// Why the stack is not ready, if it is not.
async fn find_unready(cloud: &Cloud, stack: &Stack) -> Result<Option<String>> {
    if stack.consumers.is_empty() {
        return Ok(Some("no queue is mapped to a function".to_owned()));
    }
    let settled = |state: &str| matches!(state, "Enabled" | "Disabled");
    if let Some(consumer) = stack.consumers.iter().find(|consumer| !settled(&consumer.mapping_state)) {
        return Ok(Some(format!("the mapping of {} is {}", consumer.name, consumer.mapping_state)));
    }
    // No order has this id. A 404 with a JSON body is the function's own answer, so the function works. With the parameter JwtIssuer,
    // the API itself refuses a request without a token.
    let response = stack.api(cloud)?.get("/orders/ord_none").await.context("the API cannot be called")?;
    let answered = response.status == 404 && !response.json().is_null() || response.status == 401;
    Ok(if answered { None } else { Some(format!("the API answers HTTP {}", response.status)) })
}
