//! Clients that each want their order placed once, whatever happens to requests and answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};
use yard::Api;

use crate::cart::{Accepted, Cart};

/// What clients have been told.
#[derive(Default)]
pub(crate) struct Book {
    pages: Mutex<Pages>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Pages {
    pub(crate) accepted: Vec<Accepted>,
    /// Sold out.
    pub(crate) refused: usize,
    /// Not known yet: these must be asked again.
    pub(crate) open: Vec<Cart>,
    /// What no client should ever see.
    pub(crate) wrong: Vec<String>,
    /// Answers that left the outcome open, by what they were.
    pub(crate) unclear: BTreeMap<String, u64>,
    /// Requests for an order that was accepted already.
    pub(crate) repeats: u64,
}

impl Book {
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Pages) -> T) -> T {
        act(&mut self.pages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn snapshot(&self) -> Pages {
        self.with(|pages| pages.clone())
    }
}

/// The fields of an acceptance. The total as it is spelled: it never becomes a float.
#[derive(Deserialize)]
struct Acceptance {
    order_id: String,
    total_usd: Box<RawValue>,
    placed_at: String,
}

/// One answer.
enum Answer {
    Accepted(Accepted),
    SoldOut,
    /// It may or may not be placed.
    Unclear(String),
    Wrong(String),
}

/// Tries before a client gives up until the storm is over.
const TRIES: u32 = 15;

/// Places all carts, so many clients at once, until the deadline: what is begun then is ended.
pub(crate) async fn place_all(api: &Api, carts: &[Cart], clients: usize, book: &Book, seed: u64, deadline: Instant) {
    let next = AtomicUsize::new(0);
    let client = async |number: usize| {
        let mut random = Rng::with_seed(seed ^ (number as u64) << 32);
        while Instant::now() < deadline
            && let Some(cart) = carts.get(next.fetch_add(1, Ordering::Relaxed))
        {
            place(api, cart, book, &mut random, TRIES).await;
        }
    };
    join_all((0..clients.max(1)).map(client)).await;
}

/// Asks once more for every order whose outcome is open; to be called when nothing fails any more.
pub(crate) async fn settle(api: &Api, book: &Book) {
    let mut random = Rng::with_seed(0);
    for cart in book.with(|pages| std::mem::take(&mut pages.open)) {
        place(api, &cart, book, &mut random, TRIES).await;
    }
}

/// Asks with one key until the outcome is clear. One client in ten asks once more for what it knows to be accepted.
async fn place(api: &Api, cart: &Cart, book: &Book, random: &mut Rng, tries: u32) {
    for tried in 0..tries {
        match ask(api, cart).await {
            Answer::Accepted(accepted) => {
                if random.u32(..10) == 0 {
                    repeat(api, &accepted, book).await;
                }
                return book.with(|pages| pages.accepted.push(accepted));
            }
            Answer::SoldOut => return book.with(|pages| pages.refused += 1),
            Answer::Wrong(what) => return book.with(|pages| pages.wrong.push(what)),
            Answer::Unclear(what) => book.with(|pages| *pages.unclear.entry(what).or_default() += 1),
        }
        let most = 50 << tried.min(6);
        sleep(Duration::from_millis(random.u64(most / 2..=most))).await;
    }
    book.with(|pages| pages.open.push(cart.clone()));
}

/// The same request again must find the same order.
async fn repeat(api: &Api, first: &Accepted, book: &Book) {
    book.with(|pages| pages.repeats += 1);
    if let Answer::Accepted(again) = ask(api, &first.cart).await
        && (&again.order_id, again.total, &again.placed_at) != (&first.order_id, first.total, &first.placed_at)
    {
        let what = format!("{} was accepted as {} and again as {}", first.cart.key, first.order_id, again.order_id);
        book.with(|pages| pages.wrong.push(what));
    }
}

async fn ask(api: &Api, cart: &Cart) -> Answer {
    let Ok(reply) = api.checkout(&cart.body(), &[("idempotency-key", &cart.key)]).await else {
        return Answer::Unclear("no answer".into());
    };
    let said = || String::from_utf8_lossy(&reply.body).into_owned();
    match reply.status {
        202 => match serde_json::from_slice(&reply.body) {
            Ok(acceptance) => accepted(cart, acceptance),
            Err(error) => Answer::Wrong(format!("202 that cannot be read ({error}): {}", said())),
        },
        409 if said().contains("/problems/out-of-stock") => Answer::SoldOut,
        429 | 500..=599 => Answer::Unclear(format!("HTTP {}", reply.status)),
        status => Answer::Wrong(format!("HTTP {status}: {}", said())),
    }
}

fn accepted(cart: &Cart, acceptance: Acceptance) -> Answer {
    let Acceptance { order_id, total_usd, placed_at } = acceptance;
    match total_usd.get().parse::<Decimal>() {
        Ok(total) => Answer::Accepted(Accepted { cart: cart.clone(), order_id, total, placed_at }),
        Err(_) => Answer::Wrong(format!("{order_id}: a total of {total_usd}")),
    }
}
