//! What becomes of orders after they are placed: owners cancel some, and reviewers decide about the flagged ones, each at a random moment.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use fastrand::Rng;
use fraud::Verdict;
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep};
use yard::Cloud;

use crate::cancellation::cancel;
use crate::cart::Cart;
use crate::order_log::OrderLog;
use crate::review::review;
use crate::soak_stack::SoakStack;

/// The longest time from the acceptance of an order to its change, or, for a late one, from the time when there is nothing else to do.
/// The jobs run in it.
const MAX_DELAY: Duration = Duration::from_secs(10);

/// Between two looks for changes that are due.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// After an attempt without a clear outcome.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// How many changes are made at once when all are made that are left.
const CONCURRENCY: usize = 8;

/// Of the changes that may be made between two turns of the delivery, one in this many is made.
const CHANCE_ONE_IN: u32 = 8;

/// Of the changes that are to be made after the jobs, one in this many is made after each run of them.
const CHANCE_AFTER_JOBS_ONE_IN: u32 = 3;

/// When changes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    BeforeDelivery,
    DuringDelivery,
    /// The jobs have run, and what follows from that is not delivered.
    AfterJobs,
    /// Nothing else is left to do.
    AtEnd,
}

#[derive(Debug, Clone, PartialEq)]
struct Change {
    order_id: String,
    kind: ChangeKind,
    moment: Moment,
    /// None for a change that waits until there is nothing else to do.
    due: Option<Instant>,
    /// How many attempts were begun.
    attempts: u32,
    is_running: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ChangeKind {
    Cancellation,
    /// A review for each verdict, all at once.
    Review(Vec<Verdict>),
}

/// The changes of a run that are not made yet.
pub(crate) struct Changes<'a> {
    stack: &'a SoakStack,
    log: &'a OrderLog,
    /// Reviewers reach AWS through the proxy, as functions do.
    reviewers_cloud: Cloud,
    random: RefCell<Rng>,
    open: RefCell<Vec<Change>>,
    /// For so many accepted orders the changes are planned.
    planned: Cell<usize>,
}

impl<'a> Changes<'a> {
    pub(crate) fn new(stack: &'a SoakStack, log: &'a OrderLog, seed: u64) -> Self {
        let config = stack.cloud.config.clone().into_builder().endpoint_url(stack.proxy.url()).build();
        let dynamodb = aws_sdk_dynamodb::Client::new(&config);
        Self {
            stack,
            log,
            reviewers_cloud: Cloud { dynamodb, ..stack.cloud.clone() },
            random: RefCell::new(Rng::with_seed(seed ^ 0x00CA_4CE1)),
            open: RefCell::default(),
            planned: Cell::new(0),
        }
    }

    /// Makes each change when it is due, until it is dropped.
    pub(crate) async fn make_when_due(&self) {
        let mut running = FuturesUnordered::new();
        loop {
            self.plan();
            let now = Instant::now();
            running.extend(
                self.begin(|change| !change.is_running && change.due.is_some_and(|due| due <= now))
                    .into_iter()
                    .map(|it| self.make(it)),
            );
            tokio::select! {
                () = sleep(POLL_INTERVAL) => {}
                Some(_) = running.next() => {}
            }
        }
    }

    /// Makes the changes of this moment and of those before it. Returns how many now have a clear outcome.
    pub(crate) async fn make_until(&self, moment: Moment) -> usize {
        self.make_all(|change| change.moment <= moment).await
    }

    /// Makes a few of the changes that may be made during the delivery.
    pub(crate) async fn make_some(&self) {
        let is_chosen = |change: &Change| {
            change.moment <= Moment::DuringDelivery && self.random.borrow_mut().u32(..CHANCE_ONE_IN) == 0
        };
        self.make_all(is_chosen).await;
    }

    /// How many changes have no clear outcome.
    pub(crate) fn count_open(&self) -> usize {
        self.plan();
        self.open.borrow().len()
    }

    /// Lets some changes be due at once: it may be too late for them, and the order service does not know it yet.
    pub(crate) fn begin_after_jobs(&self) {
        let mut random = self.random.borrow_mut();
        for change in self.open.borrow_mut().iter_mut().filter(|change| change.moment == Moment::AfterJobs) {
            if change.due.is_none() && random.u32(..CHANCE_AFTER_JOBS_ONE_IN) == 0 {
                change.due = Some(Instant::now());
            }
        }
    }

    /// Lets all changes be due soon.
    pub(crate) fn begin_late(&self) {
        for change in self.open.borrow_mut().iter_mut().filter(|change| change.due.is_none()) {
            change.due = Some(random_time(&mut self.random.borrow_mut()));
        }
    }

    async fn make_all(&self, is_chosen: impl FnMut(&Change) -> bool) -> usize {
        self.plan();
        let made = stream::iter(self.begin(is_chosen)).map(|change| self.make(change)).buffer_unordered(CONCURRENCY);
        made.filter(|is_clear| std::future::ready(*is_clear)).count().await
    }

    /// Adds the changes of the orders that were accepted meanwhile.
    fn plan(&self) {
        let accepted = self.log.with(|outcomes| outcomes.accepted[self.planned.get()..].to_vec());
        self.planned.set(self.planned.get() + accepted.len());
        for order in accepted {
            for kind in changes_of(&order.cart) {
                let mut random = self.random.borrow_mut();
                let moment = match random.u32(..20) {
                    ..4 => Moment::BeforeDelivery,
                    4..11 => Moment::DuringDelivery,
                    11..16 => Moment::AfterJobs,
                    16.. => Moment::AtEnd,
                };
                let due = (moment <= Moment::DuringDelivery).then(|| random_time(&mut random));
                let order_id = order.order_id.clone();
                self.open.borrow_mut().push(Change { order_id, kind, moment, due, attempts: 0, is_running: false });
            }
        }
        self.count();
    }

    /// The chosen changes, as they are before this attempt.
    fn begin(&self, mut is_chosen: impl FnMut(&Change) -> bool) -> Vec<Change> {
        let mut open = self.open.borrow_mut();
        let chosen = open.iter_mut().filter(|change| is_chosen(change)).map(|change| {
            let before = change.clone();
            (change.attempts, change.is_running) = (change.attempts + 1, true);
            before
        });
        chosen.collect()
    }

    /// Returns whether the outcome is clear. If it is not, or if this is dropped, the change remains open.
    async fn make(&self, change: Change) -> bool {
        let Change { order_id, kind, attempts, .. } = &change;
        let is_clear = match kind {
            ChangeKind::Cancellation => {
                let mut random = self.random.borrow_mut().fork();
                cancel(&self.stack.api, order_id, self.log, &mut random).await
            }
            ChangeKind::Review(verdicts) => {
                let through = (&self.reviewers_cloud, &self.stack.deployed);
                review(through, order_id, verdicts, *attempts == 0, self.log).await
            }
        };
        let is_this = |other: &Change| other.order_id == *order_id && other.kind == *kind;
        self.open.borrow_mut().retain_mut(|other| {
            if is_this(other) {
                (other.is_running, other.due) = (false, Some(Instant::now() + RETRY_INTERVAL));
            }
            !(is_clear && is_this(other))
        });
        self.count();
        is_clear
    }

    fn count(&self) {
        self.log.with(|outcomes| outcomes.open_changes = self.open.borrow().len());
    }
}

fn random_time(random: &mut Rng) -> Instant {
    Instant::now() + MAX_DELAY.mul_f64(random.f64())
}

/// One order in ten is cancelled, a third of them flagged ones. Each flagged order is reviewed, one in four by two reviewers who disagree.
fn changes_of(cart: &Cart) -> Vec<ChangeKind> {
    let mut changes = Vec::new();
    if [3, 13, 17].contains(&(cart.number % 30)) {
        changes.push(ChangeKind::Cancellation);
    }
    if cart.suspicious {
        changes.push(ChangeKind::Review(match cart.number / 10 % 8 {
            0 => vec![Verdict::Confirmed, Verdict::Rejected],
            1..=3 => vec![Verdict::Confirmed],
            4 => vec![Verdict::Rejected, Verdict::Confirmed],
            _ => vec![Verdict::Rejected],
        }));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cart::carts;
    use crate::products::catalog;

    #[test]
    fn one_order_in_ten_is_cancelled_and_each_flagged_one_reviewed() {
        let carts = carts(1, 120, &catalog(120, true));
        let count = |is_counted: fn(&Cart, &ChangeKind) -> bool| {
            carts.iter().flat_map(|cart| changes_of(cart).into_iter().filter(|kind| is_counted(cart, kind))).count()
        };
        assert_eq!(count(|_, kind| *kind == ChangeKind::Cancellation), 12);
        assert_eq!(count(|cart, kind| *kind == ChangeKind::Cancellation && cart.suspicious), 4);
        assert_eq!(count(|cart, kind| *kind != ChangeKind::Cancellation && cart.suspicious), 12);
        assert_eq!(count(|_, kind| matches!(kind, ChangeKind::Review(verdicts) if verdicts.len() == 2)), 3);
        for verdict in [Verdict::Confirmed, Verdict::Rejected] {
            let alone = carts.iter().flat_map(changes_of).filter(|kind| *kind == ChangeKind::Review(vec![verdict]));
            assert!(alone.count() >= 3, "{verdict}");
        }
    }
}
