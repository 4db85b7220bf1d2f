"""What every engine promises, as functions: give each a maker of places, and it raises or returns.

@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_our_engine_promises(promise, tmp_path):
    promise(lambda: OurPlace(...))
"""

from answerable.testing.conformance import (
    accepting,
    appending,
    claiming,
    dying,
    histories,
    killing,
    timers,
)
from answerable.testing.conformance.dying import Died, DyingEngine
from answerable.testing.conformance.house import House, MakePlace, Place, Promise

PROMISES: tuple[Promise, ...] = (
    accepting.an_acknowledged_arrival_is_there_after_a_crash,
    accepting.an_id_is_accepted_once_before_and_after_it_is_finished_and_after_restarts,
    accepting.a_redelivery_that_claims_to_be_the_first_changes_nothing,
    accepting.an_inbox_keeps_accept_order_under_512_senders,
    accepting.an_answer_comes_in_before_and_after_the_wait,
    accepting.more_than_a_thousand_arrivals_are_accepted_at_once,
    accepting.what_became_of_an_arrival_is_found_waiting_and_finished_and_after_a_crash,
    accepting.what_waits_is_listed_by_kind_in_accept_order,
    accepting.what_waits_in_an_inbox_is_all_that_is_not_finished_there,
    claiming.an_inbox_hands_out_one_arrival_at_a_time,
    claiming.a_slow_inbox_delays_no_other,
    claiming.no_more_than_n_claims_are_unfinished,
    claiming.a_partition_has_one_holder,
    claiming.a_paused_zombie_writes_nothing,
    claiming.a_holder_from_before_a_crash_is_fenced,
    claiming.unfinished_arrivals_come_again_first_and_with_their_memo,
    claiming.a_finished_arrival_never_comes_again,
    timers.a_timer_is_not_early_and_blocks_nobody,
    timers.a_timer_fires_once_across_restarts,
    appending.a_key_is_written_once_and_the_first_write_wins,
    appending.a_rejected_append_harms_no_neighbour,
    appending.more_than_a_thousand_records_are_appended_at_once,
    appending.an_effect_is_not_seen_before_its_intent_can_be_read,
    appending.bodies_that_are_dropped_are_gone_and_their_records_stay,
    appending.the_feed_has_no_gaps_while_it_is_written,
    appending.the_feed_can_be_read_by_kind_and_from_anywhere,
    dying.dying_at_any_port_call_leaves_one_effect_one_decision_one_reply,
    killing.an_acknowledged_arrival_survives_sigkill,
    killing.sigkill_inside_an_append_leaves_all_of_it_or_nothing,
    histories.a_random_history_reads_like_the_model,
)

__all__ = ["PROMISES", "Died", "DyingEngine", "House", "MakePlace", "Place", "Promise"]
