//! The decisions against a warehouse that remembers everything and looks at all of it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use switchyard_chassis::Row;

use super::*;

fn order() -> OrderId {
    OrderId::parse("ord_1").unwrap()
}

fn decision(sequence: u64, flagged: bool) -> Decision {
    Decision { order_id: order(), sequence, flagged }
}

/// The waves of a day on which nothing else happens.
#[derive(Clone)]
struct Waves {
    now: Wave,
    closed: BTreeSet<Wave>,
}

impl Waves {
    fn new() -> Self {
        Self { now: "20260526T1420Z".parse().unwrap(), closed: BTreeSet::new() }
    }

    fn open(&self) -> Wave {
        let mut wave = self.now;
        while self.closed.contains(&wave) {
            wave = wave.next();
        }
        wave
    }
}

/// The order's rows, written to as the consumer and the job do.
#[derive(Debug, Clone, Default, PartialEq)]
struct Rows {
    came_into: Option<Wave>,
    hold: Option<Hold>,
    named_in: BTreeSet<Wave>,
    listed_in: Vec<Wave>,
}

impl Rows {
    fn place(&mut self, waves: &Waves) {
        if self.came_into.is_none() {
            self.came_into = Some(waves.open());
            self.named_in.insert(waves.open());
        }
    }

    fn decide(&mut self, decision: &Decision, waves: &Waves) {
        let place = match self.came_into.map(|wave| current(wave, self.hold)) {
            None => Place::Nowhere,
            Some(wave) if waves.closed.contains(&wave) => Place::Closed,
            Some(_) => Place::Open,
        };
        match decide(decision, self.hold, place) {
            Step::Overruled => {}
            Step::Stay(hold) => self.hold = Some(hold),
            Step::Move(hold) => {
                self.hold = Some(Hold { moved_to: Some(waves.open()), ..hold });
                self.named_in.insert(waves.open());
            }
        }
    }

    /// Who lists a wave may do so long after it was closed.
    fn lists(&self, wave: Wave) -> bool {
        self.named_in.contains(&wave) && self.came_into.is_some_and(|came_into| is_listed(wave, came_into, self.hold))
    }
}

/// All that is known, and one look at it whenever a wave closes.
#[derive(Default)]
struct Naive {
    waits_for: Option<Wave>,
    decisions: BTreeMap<u64, bool>,
    listed_in: Vec<Wave>,
}

impl Naive {
    fn is_held(&self) -> bool {
        self.decisions.last_key_value().is_some_and(|(_, flagged)| *flagged)
    }

    fn place(&mut self, waves: &Waves) {
        self.waits_for.get_or_insert(waves.open());
    }

    fn decide(&mut self, decision: &Decision, waves: &Waves) {
        self.decisions.insert(decision.sequence, decision.flagged);
        let left_behind = self.waits_for.is_some_and(|wave| waves.closed.contains(&wave)) && self.listed_in.is_empty();
        if left_behind && !self.is_held() {
            self.waits_for = Some(waves.open());
        }
    }

    fn close(&mut self, wave: Wave) {
        if self.waits_for == Some(wave) && !self.is_held() && self.listed_in.is_empty() {
            self.listed_in.push(wave);
        }
    }
}

#[derive(Debug, Clone)]
enum Event {
    Placed,
    Decided(u64),
    FiveMinutes,
    /// The oldest wave that is not closed, even if its time is not over.
    Close,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        2 => Just(Event::Placed),
        4 => (2..8_u64).prop_map(Event::Decided),
        2 => Just(Event::FiveMinutes),
        3 => Just(Event::Close),
    ];
    prop::collection::vec(event, 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn an_order_is_listed_once_in_the_wave_that_a_naive_warehouse_lists_it_in(
        events in events(), flagged in prop::array::uniform8(any::<bool>())
    ) {
        let (mut waves, mut rows, mut naive) = (Waves::new(), Rows::default(), Naive::default());
        let mut first_open = waves.now;
        for event in events {
            match event {
                Event::Placed => {
                    rows.place(&waves);
                    naive.place(&waves);
                }
                Event::Decided(sequence) => {
                    let decision = decision(sequence, flagged[usize::try_from(sequence).unwrap()]);
                    rows.decide(&decision, &waves);
                    naive.decide(&decision, &waves);
                }
                Event::FiveMinutes => waves.now = waves.now.next(),
                Event::Close => {
                    waves.closed.insert(first_open);
                    naive.close(first_open);
                    if rows.lists(first_open) {
                        rows.listed_in.push(first_open);
                    }
                    first_open = first_open.next();
                }
            }
            prop_assert_eq!(&rows.listed_in, &naive.listed_in);
            prop_assert!(rows.listed_in.len() <= 1);
            // A run that goes on later must list what the one before it would have.
            let again: Vec<_> = waves.closed.iter().copied().filter(|wave| rows.lists(*wave)).collect();
            prop_assert_eq!(&again, &rows.listed_in);
        }
        // Whatever came, a pick that waits and is not held leaves with a wave that is still open.
        let leaves = rows.named_in.iter().any(|wave| !waves.closed.contains(wave) && rows.lists(*wave));
        prop_assert_eq!(leaves, naive.listed_in.is_empty() && naive.waits_for.is_some() && !naive.is_held());
    }

    #[test]
    fn every_order_of_arrival_ends_in_the_same_rows(
        flagged in prop::collection::vec(any::<bool>(), 0..5), keys in prop::collection::vec(any::<u32>(), 6), twice in 0..6_usize
    ) {
        let mut facts: Vec<Option<Decision>> = vec![None];
        facts.extend((2..).zip(flagged).map(|(sequence, flagged)| Some(decision(sequence, flagged))));
        let arrive = |facts: &[Option<Decision>]| {
            let (waves, mut rows) = (Waves::new(), Rows::default());
            for fact in facts {
                match fact {
                    None => rows.place(&waves),
                    Some(decision) => rows.decide(decision, &waves),
                }
            }
            rows
        };
        let in_order = arrive(&facts);
        let mut shuffled: Vec<_> = facts.iter().cloned().zip(keys).collect();
        shuffled.sort_by_key(|(_, key)| *key);
        let mut shuffled: Vec<_> = shuffled.into_iter().map(|(fact, _)| fact).collect();
        shuffled.push(shuffled[twice % shuffled.len()].clone());
        prop_assert_eq!(arrive(&shuffled), in_order);
    }
}

#[test]
fn a_flag_holds_a_pick_until_its_wave_is_closed_and_is_too_late_then() {
    let flag = decision(2, true);
    let held = Hold { sequence: 2, held: true, ..Hold::default() };
    assert_eq!(decide(&flag, None, Place::Nowhere), Step::Stay(held));
    assert_eq!(decide(&flag, None, Place::Open), Step::Stay(held));
    let too_late = Hold { sequence: 2, too_late: true, ..Hold::default() };
    assert_eq!(decide(&flag, None, Place::Closed), Step::Stay(too_late));
}

#[test]
fn a_review_lets_a_held_pick_go_where_it_is_or_into_an_open_wave() {
    let held = Some(Hold { sequence: 2, held: true, ..Hold::default() });
    let free = Hold { sequence: 3, ..Hold::default() };
    let confirmed = decision(3, false);
    assert_eq!(decide(&confirmed, held, Place::Nowhere), Step::Stay(free));
    assert_eq!(decide(&confirmed, held, Place::Open), Step::Stay(free));
    assert_eq!(decide(&confirmed, held, Place::Closed), Step::Move(free));
    assert_eq!(decide(&decision(2, true), Some(free), Place::Open), Step::Overruled);
}

#[test]
fn a_hold_is_read_back_as_it_was_written() {
    let hold = Hold { sequence: 3, held: true, moved_to: Some("20260526T1420Z".parse().unwrap()), too_late: true };
    let row = Row::new(Hold::key(&order())).set("sequence", 3_u64).set("held", true).set("too_late", true);
    assert_eq!(Hold::from_item(&row.set("wave", "20260526T1420Z").into_item()), Some(hold));
    assert_eq!(Hold::from_item(&Item::new()), None);
}
