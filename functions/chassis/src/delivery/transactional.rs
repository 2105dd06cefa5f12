//! Events whose effect is stored in the consumer's own table.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::join_all;
use switchyard_events::Cause;
use tokio::time::Instant;

use crate::commit::commit;
use crate::commit::plan::{OnDecision, Plan};
use crate::delivery::apply::Apply;
use crate::delivery::dedup::{DedupConfig, marker_key, stamp};
use crate::dynamodb::batch_get::BatchGet;
use crate::dynamodb::table::Usage;
use crate::handler::effects::Context;
use crate::{Clock, Consumer, Effects, Failure, Outcome, Received, Row, Table, panics};

/// Applies events in transactions on the consumer's own table.
pub struct Transactional<C> {
    pub(crate) consumer: C,
    pub(crate) table: Table,
    pub(crate) clock: Clock,
    pub(crate) dedup: DedupConfig,
}

/// How many rounds a batch takes at least, before events whose conditions keep failing are returned to the queue.
const MIN_ROUNDS: u32 = 12;

/// What the handlers of one round have in common.
struct Round {
    batch_get: Rc<BatchGet>,
    shard: u32,
    previous_rounds: u32,
}

impl<C: Consumer> Apply for Transactional<C> {
    const NAME: &'static str = C::NAME;
    type Event = C::Event;

    async fn apply(&self, events: &[Received<C::Event>], deadline: Instant) -> Vec<Outcome> {
        let outcomes: RefCell<Vec<Option<Outcome>>> = RefCell::new(vec![None; events.len()]);
        let decide = |event: usize, outcome| outcomes.borrow_mut()[event] = outcome;
        let max_rounds = MIN_ROUNDS.max(2 * u32::try_from(events.len()).unwrap_or(0));
        for previous_rounds in 0..max_rounds {
            let open: Vec<usize> = (0..events.len()).filter(|&event| outcomes.borrow()[event].is_none()).collect();
            if open.is_empty() || Instant::now() >= deadline {
                break;
            }
            let round = self.round(events, &open, previous_rounds, deadline, &decide);
            if tokio::time::timeout_at(deadline, round).await.is_err() {
                break;
            }
        }
        let undecided = || {
            let reason = "returned to the queue: no time was left, or other writers kept changing its rows";
            Outcome::Failed(Failure::retry(reason))
        };
        outcomes.into_inner().into_iter().map(|outcome| outcome.unwrap_or_else(undecided)).collect()
    }

    fn take_usage(&self) -> Usage {
        self.table.take_usage()
    }
}

impl<C: Consumer> Transactional<C> {
    /// Runs the handlers of the open events concurrently and writes the effects that do not depend on each other. An event that
    /// must follow an earlier one of the same round stays open; its handler runs again on what the earlier one wrote.
    async fn round(
        &self,
        events: &[Received<C::Event>],
        open: &[usize],
        previous_rounds: u32,
        deadline: Instant,
        on_decision: OnDecision<'_>,
    ) {
        let round = Round { batch_get: BatchGet::new(self.table.clone()), shard: fastrand::u32(..), previous_rounds };
        let handled = join_all(open.iter().map(async |&event| (event, self.handle(&events[event], &round).await)));
        let mut accepted: Vec<Effects> = Vec::new();
        let mut plans = Vec::new();
        for (event, handled) in handled.await {
            match handled {
                Err(failure) => on_decision(event, Some(Outcome::Failed(failure))),
                Ok(effects) if accepted.iter().any(|earlier| effects.must_follow(earlier)) => {
                    on_decision(event, None);
                }
                Ok(effects) => match self.plan(event, &events[event], &effects) {
                    Ok(plan) => {
                        plans.push(plan);
                        accepted.push(effects);
                    }
                    Err(failure) => on_decision(event, Some(Outcome::Failed(failure))),
                },
            }
        }
        commit(&self.table, plans, deadline, on_decision).await;
    }

    /// Runs one handler. Its panic is the failure of its own event only.
    async fn handle(&self, event: &Received<C::Event>, round: &Round) -> Result<Effects, Failure> {
        let mut effects = Effects::new(Context {
            cause: Cause::from(&event.metadata),
            producer: C::NAME,
            now: self.clock.now(),
            batch_get: Rc::clone(&round.batch_get),
            shard: round.shard,
            previous_runs: round.previous_rounds,
        });
        let handled = AssertUnwindSafe(self.consumer.handle(event, &mut effects)).catch_unwind().await;
        handled.unwrap_or_else(|_| Err(panics::failure()))?;
        Ok(effects)
    }

    /// The event's marker, which is the recorded row or a row of its own, and its writes.
    fn plan(&self, event: usize, received: &Received<C::Event>, effects: &Effects) -> Result<Plan, Failure> {
        let now = self.clock.now();
        let separate_marker = || Row::new(marker_key(received)).set("expires_at", self.dedup.expires_at(now));
        let writes = effects.to_writes(separate_marker, |row| stamp(row, received, now))?;
        Ok(Plan { event, event_id: received.metadata.event_id.clone(), writes })
    }
}
