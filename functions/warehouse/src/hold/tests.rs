//! Decisions, compared with a simple model of a warehouse that stores all events.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use switchyard_chassis::Row;

use super::*;
use crate::keys::hold_key;

fn order() -> OrderId {
    OrderId::parse("ord_1").unwrap()
}

fn decision(sequence: u64, flagged: bool) -> Decision {
    Decision { order_id: order(), sequence, flagged }
}

/// The waves, and the current time.
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

/// The rows of one order, changed as the consumer and the job change them.
#[derive(Debug, Clone, Default, PartialEq)]
struct Rows {
    first_wave: Option<Wave>,
    hold: Option<Hold>,
    named_in: BTreeSet<Wave>,
    listed_in: Vec<Wave>,
}

impl Rows {
    fn place(&mut self, waves: &Waves) {
        if self.first_wave.is_none() {
            self.first_wave = Some(waves.open());
            self.named_in.insert(waves.open());
        }
    }

    fn decide(&mut self, decision: &Decision, waves: &Waves) {
        let location = match self.first_wave.map(|wave| current_wave(wave, self.hold)) {
            None => PickLocation::NotReceived,
            Some(wave) if waves.closed.contains(&wave) => PickLocation::ClosedWave,
            Some(_) => PickLocation::OpenWave,
        };
        match decide(decision, self.hold, location) {
            DecisionEffect::Outdated => {}
            DecisionEffect::UpdateHold(hold) => self.hold = Some(hold),
            DecisionEffect::MoveToOpenWave(hold) => {
                self.hold = Some(Hold { moved_to: Some(waves.open()), ..hold });
                self.named_in.insert(waves.open());
            }
        }
    }

    /// Whether a run lists the order in this wave. A run may list a wave long after it was closed.
    fn lists(&self, wave: Wave) -> bool {
        self.named_in.contains(&wave)
            && self.first_wave.is_some_and(|first_wave| is_listed(wave, first_wave, self.hold))
    }
}

/// The model: it stores all decisions and lists the order when its wave closes.
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
    /// Closes the oldest open wave, even if it has not ended.
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
    fn order_is_listed_once_in_the_same_wave_as_in_the_model(
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
            // A run that continues later must list the same orders.
            let again: Vec<_> = waves.closed.iter().copied().filter(|wave| rows.lists(*wave)).collect();
            prop_assert_eq!(&again, &rows.listed_in);
        }
        // A waiting pick that is not held is in a wave that is still open.
        let leaves = rows.named_in.iter().any(|wave| !waves.closed.contains(wave) && rows.lists(*wave));
        prop_assert_eq!(leaves, naive.listed_in.is_empty() && naive.waits_for.is_some() && !naive.is_held());
    }

    #[test]
    fn reordered_and_duplicate_events_give_the_same_rows(
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
fn flag_holds_the_pick_before_its_wave_closes_only() {
    let flag = decision(2, true);
    let held = Hold { sequence: 2, held: true, ..Hold::default() };
    assert_eq!(decide(&flag, None, PickLocation::NotReceived), DecisionEffect::UpdateHold(held));
    assert_eq!(decide(&flag, None, PickLocation::OpenWave), DecisionEffect::UpdateHold(held));
    let too_late = Hold { sequence: 2, too_late: true, ..Hold::default() };
    assert_eq!(decide(&flag, None, PickLocation::ClosedWave), DecisionEffect::UpdateHold(too_late));
}

#[test]
fn review_frees_a_held_pick_or_moves_it_to_an_open_wave() {
    let held = Some(Hold { sequence: 2, held: true, ..Hold::default() });
    let free = Hold { sequence: 3, ..Hold::default() };
    let confirmed = decision(3, false);
    assert_eq!(decide(&confirmed, held, PickLocation::NotReceived), DecisionEffect::UpdateHold(free));
    assert_eq!(decide(&confirmed, held, PickLocation::OpenWave), DecisionEffect::UpdateHold(free));
    assert_eq!(decide(&confirmed, held, PickLocation::ClosedWave), DecisionEffect::MoveToOpenWave(free));
    assert_eq!(decide(&decision(2, true), Some(free), PickLocation::OpenWave), DecisionEffect::Outdated);
}

#[test]
fn hold_row_parses_to_the_written_hold() {
    let hold = Hold { sequence: 3, held: true, moved_to: Some("20260526T1420Z".parse().unwrap()), too_late: true };
    let row = Row::new(hold_key(&order())).set("sequence", 3_u64).set("held", true).set("too_late", true);
    assert_eq!(Hold::from_item(&row.set("wave", "20260526T1420Z").into_item()), Some(hold));
    assert_eq!(Hold::from_item(&Item::new()), None);
}
