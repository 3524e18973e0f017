"""Each of the eighteen defects found in other programs has a test here that would catch it.

What waits for a later part of Stowage is said beside it.
"""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
COVERED: dict[str, tuple[str, ...]] = {
    "1 two S3 stores with one access key; a secret is rotated": (
        "contract/stores/test_s3_users.py::test_one_access_key_with_two_secrets_is_two_clients",
        "contract/stores/test_s3_users.py::test_a_rotated_secret_serves_at_once_and_the_old_one_no_more",
        "e2e/stores/test_by_command.py::test_a_rotated_key_is_told_and_given",
    ),
    "2 a wrong checksum, whatever the store": (
        "e2e/stores/test_by_command.py::test_a_wrong_checksum_is_refused_with_its_reason",
        "integration/hypervisor_agent/test_url_to_file.py::test_a_wrong_checksum_is_refused_and_the_part_deleted",
    ),
    "3 a transfer outlives the broker's patience and stays in the load": (
        "contract/bus/test_rabbit_only.py::test_messages_survive_a_handler_that_never_returns_by_being_handed_back",
        "unit/hypervisor_agent/test_load.py::test_rates_add_up_and_the_best_is_remembered",
        "unit/cache_autoscaler/test_load.py::test_hosts_add_up_and_old_figures_count_for_nothing",
    ),
    "4 a source stalls with its socket open": (
        "integration/hypervisor_agent/test_url_to_file.py::test_a_stall_with_the_socket_open_is_noticed",
    ),
    "5 a crash between create and close on NFS": (
        "failure/stores/test_nfs_agent.py::test_a_server_killed_in_mid_write_loses_only_what_no_journal_says",
        "failure/stores/test_nfs_server.py::test_writes_begun_before_a_crash_are_listed_and_revoked",
    ),
    "6 a multipart upload that fails in the middle is aborted": (
        "contract/stores/test_s3_copies.py::test_a_copy_in_parts_that_fails_leaves_no_upload",
        "contract/stores/test_s3_own.py::test_giving_up_leaves_no_open_upload",
        "simulator/test_seeds.py::test_every_world_comes_to_rest_with_nothing_wrong",
    ),
    "7 memory stays flat however the ends differ": (
        "failure/agent/test_memory_bound.py::test_a_gigabyte_in_three_hops_at_once_stays_below_the_bound",
    ),
    "8 a flipped byte is never restored": (
        "e2e/stores/test_three_stores.py::test_a_flipped_byte_is_found_and_mended_without_the_internet",
        "integration/hypervisor_agent/test_feeding.py::test_a_lying_origin_is_refused_before_its_bytes_are_fed_on",
    ),
    "9 a multipart completion whose reply is lost": (
        "contract/stores/test_s3_copies.py::test_a_commit_whose_reply_is_lost_on_the_wire_is_one_commit",
    ),
    "10 a move deletes its source last": (
        "failure/copies/test_moves_killed.py::test_a_move_survives_a_kill",
    ),
    "11 parents, data files, foreign extents and polyglots": (
        "unit/hypervisor_agent/gate/test_hostile.py::test_a_hostile_image_is_refused_with_its_code",
        "unit/hypervisor_agent/gate/test_detection.py::test_two_formats_at_once_are_refused_whatever_was_declared",
    ),
    "12 an error that is swallowed": (
        "failure/peer_defects/test_swallowed_errors.py::test_a_destination_that_fails_at_any_step_ends_the_copy",
        "failure/peer_defects/test_swallowed_errors.py::test_zeros_that_cannot_be_made_end_the_copy",
        "failure/peer_defects/test_swallowed_errors.py::test_a_source_that_fails_to_read_ends_the_copy",
        "failure/peer_defects/test_swallowed_errors.py::test_extents_that_cannot_be_told_end_the_copy",
    ),
    "13 time for the data, not for the virtual size": (
        "unit/hypervisor_agent/engine/test_loop.py::test_a_hole_costs_neither_reads_nor_time_by_its_size",
        "unit/hypervisor_agent/formats/test_qcow2.py::test_an_empty_disk_of_8_tib_costs_nothing",
    ),
    "14 any service restarts between any two steps": (
        "simulator/test_seeds.py::test_every_world_comes_to_rest_with_nothing_wrong",
        "failure/copies/test_kill_any_step.py::",
    ),
    # Growing and shrinking a fleet of caches is not built yet: a flapping trace and a stuck metric
    # are tested with it. What exists is the cap on what is wanted.
    "15 the autoscaler's cap holds": (
        "unit/cache_autoscaler/test_plugins.py::",
        "unit/cache_autoscaler/test_load.py::test_each_crossing_is_said_once",
    ),
    "16 many first readers of one template are one read": (
        "unit/cache_autoscaler/test_reserving.py::test_twenty_copies_at_once_make_one_fill",
        "integration/cache_autoscaler/test_serving.py::test_two_instances_promise_a_fill_to_one_copy_only",
        "integration/hypervisor_agent/test_feeding.py::test_a_fed_hop_never_touches_its_origin_and_zeros_never_travel",
    ),
    # A cache full of pins asks for a larger fleet once there is one.
    "17 a cache full of pins, and eviction by size": (
        "unit/cache_autoscaler/test_pins.py::test_pinned_entries_stay_however_full_it_is",
        "unit/cache_autoscaler/test_model.py::test_a_cache_above_its_mark_comes_as_low_as_pins_let",
        "unit/cache_autoscaler/test_model.py::test_pinned_and_unfinished_entries_are_never_victims",
    ),
    "18 redirects and names that lead inside": (
        "integration/fetch/test_refusals.py::test_a_redirect_to_a_private_address_is_refused",
        "integration/fetch/test_references.py::test_a_public_name_that_turns_private_at_a_redirect_is_refused",
        "integration/fetch/test_spellings.py::test_no_spelling_of_this_host_is_reached_by_redirect",
    ),
}


def test_none_of_the_eighteen_is_missing() -> None:
    assert [int(defect.split()[0]) for defect in COVERED] == list(range(1, 19))


@pytest.mark.parametrize("defect", COVERED)
def test_a_defect_is_covered_by_tests_that_exist(defect: str) -> None:
    for named in COVERED[defect]:
        path, _, name = named.partition("::")
        tree = ast.parse((TESTS / path).read_text())
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        known = {node.name for node in ast.walk(tree) if isinstance(node, functions)}
        assert name in known or not name, f"{defect}: there is no {named}"
