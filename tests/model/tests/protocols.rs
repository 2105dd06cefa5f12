//! The protocols keep their promises, and each mistake that was made on purpose breaks the one it should.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a helper that fails is a test that fails, and says how far it came

use switchyard_model::explore::{explore, expose};
use switchyard_model::promise::Protocol;

mod sound {
    use switchyard_model::{consumer::Consumer, lease::Lease, outbox::Outbox, wave::Waves};

    use super::holds;

    #[test]
    fn a_consumer_applies_every_event_once_whatever_its_workers_suffer() {
        holds::<Consumer>(250_000);
    }

    #[test]
    fn a_mail_leaves_once_but_for_the_documented_window() {
        holds::<Lease>(200_000);
    }

    #[test]
    fn what_an_order_says_reaches_the_consumer_or_a_person() {
        holds::<Outbox>(200_000);
    }

    #[test]
    fn every_pick_is_on_one_list_whenever_waves_close() {
        holds::<Waves>(600_000);
    }
}

mod consumer {
    use switchyard_model::consumer::{Consumer, Flaw, NEIGHBOURS, NOT_LOST, ONCE, SUM};

    use super::broken_by;

    #[test]
    fn a_marker_before_its_effect_loses_an_event() {
        assert_eq!(broken_by::<Consumer>(Flaw::MarkerFirst), NOT_LOST);
    }

    #[test]
    fn an_effect_before_its_marker_happens_twice() {
        assert_eq!(broken_by::<Consumer>(Flaw::EffectFirst), ONCE);
    }

    #[test]
    fn without_the_markers_condition_an_effect_happens_twice() {
        assert_eq!(broken_by::<Consumer>(Flaw::NoCondition), ONCE);
    }

    #[test]
    fn looking_for_the_marker_first_does_not_replace_its_condition() {
        assert_eq!(broken_by::<Consumer>(Flaw::LookThenWrite), ONCE);
    }

    #[test]
    fn a_marker_that_expires_before_the_last_copy_comes_lets_an_effect_happen_twice() {
        assert_eq!(broken_by::<Consumer>(Flaw::ShortMemory), ONCE);
    }

    #[test]
    fn an_acknowledged_error_loses_an_event() {
        assert_eq!(broken_by::<Consumer>(Flaw::ErrorAcknowledged), NOT_LOST);
    }

    #[test]
    fn a_burial_that_nobody_checked_loses_an_event() {
        assert_eq!(broken_by::<Consumer>(Flaw::BurialUnseen), NOT_LOST);
    }

    #[test]
    fn a_row_written_back_without_a_condition_loses_what_another_wrote() {
        assert_eq!(broken_by::<Consumer>(Flaw::RewriteUnguarded), SUM);
    }

    #[test]
    fn one_poisoned_event_would_condemn_a_batch_that_is_refused_whole() {
        assert_eq!(broken_by::<Consumer>(Flaw::NeighboursRejected), NEIGHBOURS);
    }
}

mod lease {
    use switchyard_model::lease::{Flaw, Lease, NOT_LOST, ONE_MAIL, SETTLED, STALE};

    use super::broken_by;

    #[test]
    fn a_lease_that_anyone_gets_sends_twice() {
        assert_eq!(broken_by::<Lease>(Flaw::NoCondition), ONE_MAIL);
    }

    #[test]
    fn a_lease_that_never_ends_is_stuck_with_its_dead_owner() {
        assert_eq!(broken_by::<Lease>(Flaw::NoExpiry), SETTLED);
    }

    #[test]
    fn a_lease_shorter_than_the_work_sends_twice_without_any_fault() {
        assert_eq!(broken_by::<Lease>(Flaw::ShorterThanWork), ONE_MAIL);
    }

    #[test]
    fn a_mail_recorded_before_it_leaves_is_lost() {
        assert_eq!(broken_by::<Lease>(Flaw::RecordedFirst), NOT_LOST);
    }

    #[test]
    fn completing_without_the_token_overwrites_the_next_owner() {
        assert_eq!(broken_by::<Lease>(Flaw::CompleteWithoutToken), STALE);
    }

    #[test]
    fn releasing_without_the_token_takes_the_next_owners_lease_away() {
        assert_eq!(broken_by::<Lease>(Flaw::ReleaseWithoutToken), ONE_MAIL);
    }

    #[test]
    fn a_message_whose_mail_is_in_flight_must_come_back() {
        assert_eq!(broken_by::<Lease>(Flaw::InFlightAcknowledged), NOT_LOST);
    }

    #[test]
    fn an_acknowledged_error_loses_a_mail() {
        assert_eq!(broken_by::<Lease>(Flaw::ErrorAcknowledged), NOT_LOST);
    }

    #[test]
    fn a_lease_forgotten_before_the_last_copy_comes_sends_twice() {
        assert_eq!(broken_by::<Lease>(Flaw::ShortMemory), ONE_MAIL);
    }
}

mod outbox {
    use switchyard_model::outbox::{Flaw, NEIGHBOURS, NOT_LOST, ONCE, Outbox, SETTLED, TRUE};

    use super::broken_by;

    #[test]
    fn an_event_put_after_its_order_is_lost() {
        assert_eq!(broken_by::<Outbox>(Flaw::PutAfterCommit), NOT_LOST);
    }

    #[test]
    fn an_event_put_before_its_order_tells_of_none() {
        assert_eq!(broken_by::<Outbox>(Flaw::PutBeforeCommit), TRUE);
    }

    #[test]
    fn ignoring_failed_entries_loses_them() {
        assert_eq!(broken_by::<Outbox>(Flaw::FailedEntriesIgnored), NOT_LOST);
    }

    #[test]
    fn ignoring_a_failed_call_loses_its_entries() {
        assert_eq!(broken_by::<Outbox>(Flaw::FailedCallIgnored), NOT_LOST);
    }

    #[test]
    fn a_batch_acknowledged_with_entries_left_loses_them() {
        assert_eq!(broken_by::<Outbox>(Flaw::UnsentAcknowledged), NOT_LOST);
    }

    #[test]
    fn a_burial_that_nobody_checked_loses_an_entry() {
        assert_eq!(broken_by::<Outbox>(Flaw::BurialUnseen), NOT_LOST);
    }

    #[test]
    fn an_entry_tried_for_ever_stops_its_stream() {
        assert_eq!(broken_by::<Outbox>(Flaw::NeverIsLater), SETTLED);
    }

    #[test]
    fn one_impossible_entry_would_bury_a_call_that_is_refused_whole() {
        assert_eq!(broken_by::<Outbox>(Flaw::NeighboursBuried), NEIGHBOURS);
    }

    #[test]
    fn an_event_with_another_id_each_time_is_applied_twice() {
        assert_eq!(broken_by::<Outbox>(Flaw::NewIdEachTime), ONCE);
    }
}

mod wave {
    use switchyard_model::wave::{BEHIND, COMPLETE, Flaw, HELD, ONE_LIST, RELEASED, Waves};

    use super::broken_by;

    #[test]
    fn a_pick_without_the_guard_misses_its_list() {
        assert_eq!(broken_by::<Waves>(Flaw::PickUnguarded), COMPLETE);
    }

    #[test]
    fn a_wave_closed_without_its_shards_still_takes_picks() {
        assert_eq!(broken_by::<Waves>(Flaw::ClosedUnheard), COMPLETE);
    }

    #[test]
    fn a_list_taken_before_closing_misses_picks() {
        assert_eq!(broken_by::<Waves>(Flaw::ListedFirst), COMPLETE);
    }

    #[test]
    fn an_empty_wave_left_alone_at_once_strands_a_late_pick() {
        assert_eq!(broken_by::<Waves>(Flaw::EmptyLeftAtOnce), BEHIND);
    }

    #[test]
    fn a_hold_that_does_not_ask_whether_the_wave_has_closed_comes_too_late() {
        assert_eq!(broken_by::<Waves>(Flaw::HoldUnguarded), HELD);
    }

    #[test]
    fn a_hold_that_does_not_ask_whether_the_order_has_come_is_missed() {
        assert_eq!(broken_by::<Waves>(Flaw::HoldBlind), HELD);
    }

    #[test]
    fn a_decision_written_over_a_later_one_holds_a_pick_for_ever() {
        assert_eq!(broken_by::<Waves>(Flaw::HoldOverwritten), RELEASED);
    }

    #[test]
    fn a_pick_held_after_it_was_listed_is_picked_twice() {
        assert_eq!(broken_by::<Waves>(Flaw::HeldAfterListing), ONE_LIST);
    }

    #[test]
    fn a_pick_let_go_in_a_closed_wave_is_on_no_list() {
        assert_eq!(broken_by::<Waves>(Flaw::LetGoInPlace), COMPLETE);
    }
}

/// Explores the protocol as it is meant to be. A model that has become trivial has too few states.
fn holds<M: Protocol>(states: usize) {
    let mut visited = 0;
    for model in M::sound() {
        let explored = explore(&model);
        println!("{} ({}): {} states in {:?}", M::NAME, model.setting(), explored.states, explored.took);
        let broken = explored.broken.first().map(|broken| format!("{}\n  {}", broken.name, broken.way.join("\n  ")));
        assert!(broken.is_none(), "{model:?} breaks: {}", broken.unwrap_or_default());
        visited += explored.states;
    }
    assert!(visited >= states, "only {visited} states: does the model still do anything?");
}

/// What a mistake breaks: the checker has to find it.
fn broken_by<M: Protocol>(flaw: M::Flaw) -> &'static str {
    let (_, expected) = M::FLAWS.iter().find(|(listed, _)| *listed == flaw).unwrap();
    let explored = expose(&M::flawed(flaw), expected);
    let broken =
        explored.broken.first().unwrap_or_else(|| panic!("{flaw:?} is not found in {} states", explored.states));
    println!("{} with {flaw:?}, after {} states: {}", M::NAME, explored.states, broken.name);
    assert!(!broken.way.is_empty());
    broken.name
}
