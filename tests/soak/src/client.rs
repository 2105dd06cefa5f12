//! Clients that want each of their orders placed exactly once, even if requests and responses get lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, sleep_until};
use yard::{Api, HttpResponse};

use crate::cart::{AcceptedOrder, Cart};
use crate::order_log::OrderLog;

/// How often a client requests one order before it waits for the end of the fault phase.
pub(crate) const MAX_ATTEMPTS: u32 = 15;

/// The fields of a 202 response. The total stays text, so that it never becomes a float.
#[derive(Deserialize)]
struct AcceptedResponse {
    order_id: String,
    total_usd: Box<RawValue>,
    placed_at: String,
}

/// What a client concludes from one response.
enum CheckoutResult {
    Accepted(AcceptedOrder),
    SoldOut,
    /// The order may or may not have been placed.
    Unclear(String),
    /// No client should ever get this response.
    Wrong(String),
}

/// Places all carts with this many concurrent clients. After the deadline no new order is begun.
pub(crate) async fn place_all(api: &Api, carts: &[Cart], clients: usize, log: &OrderLog, seed: u64, deadline: Instant) {
    let next = AtomicUsize::new(0);
    let client = async |number: usize| {
        let mut random = Rng::with_seed(seed ^ (number as u64) << 32);
        while Instant::now() < deadline
            && let Some(cart) = carts.get(next.fetch_add(1, Ordering::Relaxed))
        {
            place(api, cart, log, &mut random).await;
        }
    };
    join_all((0..clients.max(1)).map(client)).await;
}

/// Places all carts, spread evenly over this time.
pub(crate) async fn place_evenly(api: &Api, carts: &[Cart], over: Duration, log: &OrderLog, seed: u64) {
    let begin = Instant::now();
    let count = u32::try_from(carts.len()).unwrap_or(u32::MAX).max(1);
    let place = async |(number, cart): (u32, &Cart)| {
        sleep_until(begin + over * number / count).await;
        place(api, cart, log, &mut Rng::with_seed(seed ^ u64::from(number) << 32)).await;
    };
    join_all((0..).zip(carts).map(place)).await;
}

/// Repeats the request of every order whose outcome is open. To be called when no faults are injected any more.
pub(crate) async fn resolve_open_orders(api: &Api, log: &OrderLog) {
    let mut random = Rng::with_seed(0);
    for cart in log.with(|outcomes| std::mem::take(&mut outcomes.open)) {
        place(api, &cart, log, &mut random).await;
    }
}

/// Repeats the request with one idempotency key until the outcome is known. One accepted order in ten is requested once
/// more.
pub(crate) async fn place(api: &Api, cart: &Cart, log: &OrderLog, random: &mut Rng) {
    for attempt in 0..MAX_ATTEMPTS {
        match checkout(api, cart).await {
            CheckoutResult::Accepted(accepted) => {
                if random.u32(..10) == 0 {
                    repeat(api, &accepted, log).await;
                }
                return log.with(|outcomes| outcomes.accepted.push(accepted));
            }
            CheckoutResult::SoldOut => return log.with(|outcomes| outcomes.sold_out += 1),
            CheckoutResult::Wrong(what) => return log.with(|outcomes| outcomes.wrong_answers.push(what)),
            CheckoutResult::Unclear(what) => log.with(|outcomes| *outcomes.unclear.entry(what).or_default() += 1),
        }
        pause(attempt, random).await;
    }
    log.with(|outcomes| outcomes.open.push(cart.clone()));
}

/// Between two attempts.
pub(crate) async fn pause(attempt: u32, random: &mut Rng) {
    let max_ms = 50 << attempt.min(6);
    sleep(Duration::from_millis(random.u64(max_ms / 2..=max_ms))).await;
}

/// Sends the same request again, which must return the same order. An answer that leaves the outcome open is no answer.
async fn repeat(api: &Api, first: &AcceptedOrder, log: &OrderLog) {
    log.with(|outcomes| outcomes.repeats += 1);
    check_repeated(first, checkout(api, &first.cart).await, log);
}

/// True if the answer is clear. It must be the order that was accepted before.
fn check_repeated(first: &AcceptedOrder, result: CheckoutResult, log: &OrderLog) -> bool {
    let what = match result {
        CheckoutResult::Unclear(_) => return false,
        CheckoutResult::Accepted(again) if again.is_same(first) => return true,
        CheckoutResult::Accepted(again) => {
            format!("again as {}, {} USD, at {}", again.order_id, again.total, again.placed_at)
        }
        CheckoutResult::SoldOut => "then refused as sold out".to_owned(),
        CheckoutResult::Wrong(what) => format!("then answered with {what}"),
    };
    let AcceptedOrder { cart, order_id, total, placed_at } = first;
    let what = format!("{} was accepted as {order_id}, {total} USD, at {placed_at}, and {what}", cart.key);
    log.with(|outcomes| outcomes.wrong_answers.push(what));
    true
}

/// Sends the request of an accepted order again, and reads the order, each until the answer is clear. Both answers must
/// show the order that was accepted.
pub(crate) async fn repeat_and_read(api: &Api, first: &AcceptedOrder, log: &OrderLog, random: &mut Rng) {
    log.with(|outcomes| outcomes.repeats += 1);
    for attempt in 0..MAX_ATTEMPTS {
        if check_repeated(first, checkout(api, &first.cart).await, log) {
            return read(api, first, log, random).await;
        }
        pause(attempt, random).await;
    }
    log.with(|outcomes| outcomes.wrong_answers.push(format!("{} could not be requested again", first.order_id)));
}

/// Reads an accepted order until the answer is clear.
pub(crate) async fn read(api: &Api, accepted: &AcceptedOrder, log: &OrderLog, random: &mut Rng) {
    for attempt in 0..MAX_ATTEMPTS {
        let response = api.get(&format!("/orders/{}", accepted.order_id)).await;
        let result = response.map_or_else(
            |_| CheckoutResult::no_answer(),
            |response| {
                // The body has the fields of a 202, and more.
                CheckoutResult::from_response(&accepted.cart, &response, 200)
            },
        );
        match result {
            CheckoutResult::Unclear(what) => {
                log.with(|outcomes| *outcomes.unclear.entry(format!("{what} to GET")).or_default() += 1);
            }
            result => {
                check_repeated(accepted, result, log);
                return;
            }
        }
        pause(attempt, random).await;
    }
    log.with(|outcomes| outcomes.wrong_answers.push(format!("{} could not be read", accepted.order_id)));
}

async fn checkout(api: &Api, cart: &Cart) -> CheckoutResult {
    match api.checkout(&cart.body(), &[("idempotency-key", &cart.key)]).await {
        Ok(response) => CheckoutResult::from_response(cart, &response, 202),
        Err(_) => CheckoutResult::no_answer(),
    }
}

impl CheckoutResult {
    fn no_answer() -> Self {
        Self::Unclear("no answer".into())
    }

    /// `success` is the status of an answer that contains the order.
    fn from_response(cart: &Cart, response: &HttpResponse, success: u16) -> Self {
        let body = || String::from_utf8_lossy(&response.body).into_owned();
        match response.status {
            status if status == success => match serde_json::from_slice(&response.body) {
                Ok(accepted) => accepted_order(cart, accepted),
                Err(error) => Self::Wrong(format!("{status} that cannot be read ({error}): {}", body())),
            },
            409 if body().contains("/problems/out-of-stock") => Self::SoldOut,
            429 | 500..=599 => Self::Unclear(format!("HTTP {}", response.status)),
            status => Self::Wrong(format!("HTTP {status}: {}", body())),
        }
    }
}

fn accepted_order(cart: &Cart, response: AcceptedResponse) -> CheckoutResult {
    let AcceptedResponse { order_id, total_usd, placed_at } = response;
    match total_usd.get().parse::<Decimal>() {
        Ok(total) => CheckoutResult::Accepted(AcceptedOrder { cart: cart.clone(), order_id, total, placed_at }),
        Err(_) => CheckoutResult::Wrong(format!("{order_id}: a total of {total_usd}")),
    }
}
