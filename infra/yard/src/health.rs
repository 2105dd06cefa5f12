//! Whether a stack is ready for orders.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

use crate::{Cloud, Stack, progress};

/// How long a stack may take to become ready.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until every mapping has settled and the API answers. A mapping that someone has disabled stays so, and is named.
pub(crate) async fn await_ready(cloud: &Cloud) -> Result<Stack> {
    let step = progress::step("ready");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let stack = Stack::read(cloud).await?;
        let trouble = trouble(cloud, &stack).await?;
        match trouble {
            None => {
                let disabled = disabled(&stack);
                let but =
                    if disabled.is_empty() { String::new() } else { format!("; disabled: {}", disabled.join(", ")) };
                step.done(format!("{} consumers{but}, API {}", stack.consumers.len(), stack.api_url));
                return Ok(stack);
            }
            Some(trouble) if Instant::now() >= deadline => {
                bail!("the stack is not ready after {} s: {trouble}", PATIENCE.as_secs())
            }
            Some(trouble) => step.detail(&trouble),
        }
        sleep(Duration::from_millis(250)).await;
    }
}

fn disabled(stack: &Stack) -> Vec<&str> {
    let disabled = stack.consumers.iter().filter(|consumer| consumer.mapping_state == "Disabled");
    disabled.map(|consumer| consumer.name.as_str()).collect()
}

async fn trouble(cloud: &Cloud, stack: &Stack) -> Result<Option<String>> {
    if stack.consumers.is_empty() {
        return Ok(Some("no queue is mapped to a function".to_owned()));
    }
    let settled = |state: &str| matches!(state, "Enabled" | "Disabled");
    if let Some(consumer) = stack.consumers.iter().find(|consumer| !settled(&consumer.mapping_state)) {
        return Ok(Some(format!("the mapping of {} is {}", consumer.name, consumer.mapping_state)));
    }
    // An order that cannot exist: any answer of the function itself will do.
    let reply = stack.api(cloud)?.get("/orders/ord_none").await.context("the API cannot be called")?;
    Ok((reply.status != 404 || reply.json().is_null()).then(|| format!("the API answers HTTP {}", reply.status)))
}
