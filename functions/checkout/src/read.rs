//! Showing an order: as it is, or as soon as it has come as far as the client waits for.

use std::time::Duration;

use orders::OrderStatus;
use switchyard_chassis::{Failure, Item, backoff, text_of};
use switchyard_events::OrderId;
use tokio::time::{Instant, sleep_until};

use crate::caller::Caller;
use crate::http::Request;
use crate::order::{Stored, key_of, shown};
use crate::report::{fault, passing};
use crate::wait::Wait;
use crate::{Answer, Checkout, Problem};

/// Time kept free to answer in, should the invocation end before the client's patience.
const TO_ANSWER: Duration = Duration::from_secs(1);

impl Checkout {
    /// Shows an order to whoever placed it.
    pub(crate) async fn read(&self, request: Request<'_>, id: &OrderId, deadline: Instant) -> Result<Answer, Problem> {
        let caller = Caller::of(request)?;
        let wait = Wait::of(request)?;
        let rows = self.rows(id, "").await.map_err(|error| passing(&error))?;
        let key = key_of(id);
        let order = rows.iter().find(|row| text_of(row, "sk") == Some(&key.sk)).ok_or_else(Problem::not_found)?;
        let stored = Stored::of(order).map_err(|error| fault(&error))?;
        if stored.caller != caller.fingerprint() {
            return Err(Problem::not_found());
        }
        let mut status = OrderStatus::from_rows(&rows);
        if let Some(wait) = wait {
            status = self.until(id, status, wait, deadline).await.map_err(|error| passing(&error))?;
        }
        Ok(Answer {
            status: 200,
            outcome: if wait.is_some() { "awaited" } else { "shown" },
            order_id: id.clone(),
            body: shown(&stored, status).map_err(|error| fault(&error))?,
        })
    }

    /// The status once it is the one waited for, or a later one, or there is no time left.
    async fn until(
        &self,
        id: &OrderId,
        now: OrderStatus,
        wait: Wait,
        deadline: Instant,
    ) -> Result<OrderStatus, Failure> {
        let end = (Instant::now() + wait.patience + TO_ANSWER).min(deadline) - TO_ANSWER;
        let mut status = now;
        for look in 0.. {
            if status.is_at_least(wait.status) || Instant::now() >= end {
                break;
            }
            sleep_until(end.min(Instant::now() + pause(look))).await;
            status = OrderStatus::from_rows(&self.rows(id, OrderStatus::SK_PREFIX).await?);
        }
        Ok(status)
    }

    /// The rows about an order, strongly consistent.
    async fn rows(&self, id: &OrderId, sk_prefix: &str) -> Result<Vec<Item>, Failure> {
        self.table.query(&key_of(id).pk, sk_prefix).await
    }
}

/// Between two looks: short at first, since most orders are decided within a second or two, and never the same for two clients.
fn pause(look: u32) -> Duration {
    Duration::from_millis(50) + backoff::full_jitter(Duration::from_millis(100), look, Duration::from_millis(900))
}
