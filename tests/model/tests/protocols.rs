//! The protocols keep their promises, and each mistake that was made on purpose breaks the one it should.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a helper that fails is a test that fails, and says how far it came

use switchyard_model::explore::{explore, expose};
use switchyard_model::promise::Protocol;

mod sound {
    use switchyard_model::{consumer::Consumer, lease::Lease, outbox::Outbox, wave::Waves};

    use super::holds;

    #[test]
    fn consumer_applies_every_event_exactly_once() {
        holds::<Consumer>(250_000);
    }

    #[test]
    fn lease_sends_one_mail_outside_the_documented_window() {
        holds::<Lease>(200_000);
    }

    #[test]
    fn outbox_event_is_applied_or_dead_lettered() {
        holds::<Outbox>(200_000);
    }

    #[test]
    fn wave_close_puts_every_pick_on_one_list() {
        holds::<Waves>(600_000);
    }
}

mod consumer {
    use switchyard_model::consumer::{Consumer, Flaw, NEIGHBOURS, NOT_LOST, ONCE, SUM};

    use super::broken_by;

    #[test]
    fn marker_written_before_effect_loses_event() {
        assert_eq!(broken_by::<Consumer>(Flaw::MarkerFirst), NOT_LOST);
    }

    #[test]
    fn effect_written_before_marker_is_applied_twice() {
        assert_eq!(broken_by::<Consumer>(Flaw::EffectFirst), ONCE);
    }

    #[test]
    fn marker_without_condition_applies_duplicate() {
        assert_eq!(broken_by::<Consumer>(Flaw::NoCondition), ONCE);
    }

    #[test]
    fn marker_read_before_write_applies_duplicate() {
        assert_eq!(broken_by::<Consumer>(Flaw::LookThenWrite), ONCE);
    }

    #[test]
    fn marker_ttl_shorter_than_retention_applies_duplicate() {
        assert_eq!(broken_by::<Consumer>(Flaw::ShortMemory), ONCE);
    }

    #[test]
    fn failed_event_acknowledged_is_lost() {
        assert_eq!(broken_by::<Consumer>(Flaw::ErrorAcknowledged), NOT_LOST);
    }

    #[test]
    fn dlq_send_error_ignored_loses_event() {
        assert_eq!(broken_by::<Consumer>(Flaw::BurialUnseen), NOT_LOST);
    }

    #[test]
    fn update_without_version_check_loses_concurrent_write() {
        assert_eq!(broken_by::<Consumer>(Flaw::RewriteUnguarded), SUM);
    }

    #[test]
    fn poison_event_rejecting_its_batch_rejects_neighbours() {
        assert_eq!(broken_by::<Consumer>(Flaw::NeighboursRejected), NEIGHBOURS);
    }
}

mod lease {
    use switchyard_model::lease::{Flaw, Lease, NOT_LOST, ONE_MAIL, SETTLED, STALE};

    use super::broken_by;

    #[test]
    fn lease_without_condition_sends_duplicate_mail() {
        assert_eq!(broken_by::<Lease>(Flaw::NoCondition), ONE_MAIL);
    }

    #[test]
    fn lease_without_timeout_is_stuck_after_crash() {
        assert_eq!(broken_by::<Lease>(Flaw::NoExpiry), SETTLED);
    }

    #[test]
    fn lease_shorter_than_function_timeout_sends_duplicate() {
        assert_eq!(broken_by::<Lease>(Flaw::ShorterThanWork), ONE_MAIL);
    }

    #[test]
    fn mail_recorded_before_send_is_lost() {
        assert_eq!(broken_by::<Lease>(Flaw::RecordedFirst), NOT_LOST);
    }

    #[test]
    fn complete_without_token_lets_stale_owner_overwrite() {
        assert_eq!(broken_by::<Lease>(Flaw::CompleteWithoutToken), STALE);
    }

    #[test]
    fn release_without_token_ends_lease_of_next_owner() {
        assert_eq!(broken_by::<Lease>(Flaw::ReleaseWithoutToken), ONE_MAIL);
    }

    #[test]
    fn message_acknowledged_while_lease_is_held_loses_mail() {
        assert_eq!(broken_by::<Lease>(Flaw::InFlightAcknowledged), NOT_LOST);
    }

    #[test]
    fn failed_send_acknowledged_loses_mail() {
        assert_eq!(broken_by::<Lease>(Flaw::ErrorAcknowledged), NOT_LOST);
    }

    #[test]
    fn lease_ttl_shorter_than_retention_sends_duplicate() {
        assert_eq!(broken_by::<Lease>(Flaw::ShortMemory), ONE_MAIL);
    }
}

mod outbox {
    use switchyard_model::outbox::{Flaw, NEIGHBOURS, NOT_LOST, ONCE, Outbox, SETTLED, TRUE};

    use super::broken_by;

    #[test]
    fn event_put_after_order_commit_is_lost() {
        assert_eq!(broken_by::<Outbox>(Flaw::PutAfterCommit), NOT_LOST);
    }

    #[test]
    fn event_put_before_order_commit_announces_missing_order() {
        assert_eq!(broken_by::<Outbox>(Flaw::PutBeforeCommit), TRUE);
    }

    #[test]
    fn failed_entries_ignored_are_lost() {
        assert_eq!(broken_by::<Outbox>(Flaw::FailedEntriesIgnored), NOT_LOST);
    }

    #[test]
    fn failed_put_events_call_ignored_loses_entries() {
        assert_eq!(broken_by::<Outbox>(Flaw::FailedCallIgnored), NOT_LOST);
    }

    #[test]
    fn batch_acknowledged_with_unsent_entries_loses_them() {
        assert_eq!(broken_by::<Outbox>(Flaw::UnsentAcknowledged), NOT_LOST);
    }

    #[test]
    fn dlq_send_error_ignored_loses_entry() {
        assert_eq!(broken_by::<Outbox>(Flaw::BurialUnseen), NOT_LOST);
    }

    #[test]
    fn impossible_entry_retried_forever_blocks_stream() {
        assert_eq!(broken_by::<Outbox>(Flaw::NeverIsLater), SETTLED);
    }

    #[test]
    fn impossible_entry_dead_letters_neighbours() {
        assert_eq!(broken_by::<Outbox>(Flaw::NeighboursBuried), NEIGHBOURS);
    }

    #[test]
    fn new_event_id_on_retry_applies_duplicate() {
        assert_eq!(broken_by::<Outbox>(Flaw::NewIdEachTime), ONCE);
    }
}

mod wave {
    use switchyard_model::wave::{BEHIND, COMPLETE, Flaw, HELD, ONE_LIST, RELEASED, Waves};

    use super::broken_by;

    #[test]
    fn pick_write_without_closed_check_misses_list() {
        assert_eq!(broken_by::<Waves>(Flaw::PickUnguarded), COMPLETE);
    }

    #[test]
    fn wave_close_without_shard_rows_misses_picks() {
        assert_eq!(broken_by::<Waves>(Flaw::ClosedUnheard), COMPLETE);
    }

    #[test]
    fn list_read_before_wave_close_misses_picks() {
        assert_eq!(broken_by::<Waves>(Flaw::ListedFirst), COMPLETE);
    }

    #[test]
    fn empty_wave_skipped_too_early_strands_late_pick() {
        assert_eq!(broken_by::<Waves>(Flaw::EmptyLeftAtOnce), BEHIND);
    }

    #[test]
    fn hold_without_wave_condition_lists_held_pick() {
        assert_eq!(broken_by::<Waves>(Flaw::HoldUnguarded), HELD);
    }

    #[test]
    fn hold_without_order_condition_lists_held_pick() {
        assert_eq!(broken_by::<Waves>(Flaw::HoldBlind), HELD);
    }

    #[test]
    fn stale_decision_overwriting_newer_holds_pick_forever() {
        assert_eq!(broken_by::<Waves>(Flaw::HoldOverwritten), RELEASED);
    }

    #[test]
    fn hold_after_listing_lists_pick_twice() {
        assert_eq!(broken_by::<Waves>(Flaw::HeldAfterListing), ONE_LIST);
    }

    #[test]
    fn pick_unheld_in_closed_wave_misses_list() {
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
