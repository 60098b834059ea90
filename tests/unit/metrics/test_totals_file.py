# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file in which the numbers of all processes are added up (`metrics_path`)."""

from __future__ import annotations

import json
import multiprocessing
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, InvalidConfiguration, UnknownFormat
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import CLOSED, OPEN
from ansible_collections.nebula.credential.plugins.module_utils.metrics import totals_file
from ansible_collections.nebula.credential.plugins.module_utils.metrics.documents import describe_totals, encode_totals, read
from ansible_collections.nebula.credential.plugins.module_utils.metrics.store_metrics import StoreMetrics
from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals import Breaker, Timing, Totals
from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals_file import TotalsFile
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import CANARY, create

NOW = 1_800_000_000.0
SECRET_NAME = "quite/a-telling_name"


def counted(**counts):
    totals = Totals(NOW)
    totals.operations = {("get", result): count for result, count in counts.items()}
    totals.settle(NOW)
    return totals


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics" / "numbers.json"


def meter(path, **options):
    return StoreMetrics("prod", "local", path=str(path), clock=lambda: NOW, **options)


def test_the_numbers_of_processes_that_ended_are_added_up(path):
    for _process in range(3):
        metering = meter(path)
        metering.recorder.on_operation("get", "ok", 0.002)
        metering.flush()
        metering.flush()
    totals = meter(path).totals()
    assert (totals.operations, totals.timings["get"].count) == ({("get", "ok"): 3}, 3)


def test_what_is_not_written_yet_is_among_the_numbers(path):
    metering = meter(path)
    metering.recorder.on_operation("get", "ok", 0.002)
    metering.flush()
    metering.recorder.on_operation("get", "ok", 0.002)
    assert metering.totals().operations == {("get", "ok"): 2}


def add_often(path):
    for _each in range(25):
        metering = meter(path)
        metering.recorder.on_operation("get", "ok", 0.002)
        metering.flush()


def test_no_number_is_lost_between_processes(path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=add_often, args=(path,)) for _each in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert meter(path).totals().operations == {("get", "ok"): 100}


def test_stores_and_backends_in_one_file_are_told_apart(path):
    for place in (("prod", "local"), ("prod", "vault"), ("team", "local")):
        TotalsFile(str(path), *place).add(counted(ok=1))
    TotalsFile(str(path), "prod", "vault").add(counted(ok=1))
    assert TotalsFile(str(path), "prod", "vault").totals().operations == {("get", "ok"): 2}
    assert TotalsFile(str(path), "team", "local").totals().operations == {("get", "ok"): 1}


def test_the_file_is_the_users_alone(path):
    TotalsFile(str(path), "prod", "local").add(counted(ok=1))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "content", [b"no json", b"[]", b"{}", b'{"format":1,"stores":[3]}', b'{"format":1,"stores":[{"store":"prod","backend":"local"}]}']
)
def test_a_file_of_something_else_is_left_as_it_is(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(Damaged, match="not what was written"):
        TotalsFile(str(path), "prod", "local").add(counted(ok=1))
    assert path.read_bytes() == content


def test_a_file_of_a_later_release_is_left_as_it_is(path):
    path.parent.mkdir()
    path.write_text('{"format": 2, "stores": []}')
    with pytest.raises(UnknownFormat, match="later release"):
        TotalsFile(str(path), "prod", "local").add(counted(ok=1))


def test_a_file_that_a_power_cut_left_empty_is_begun_anew(path):
    path.parent.mkdir()
    path.touch()
    TotalsFile(str(path), "prod", "local").add(counted(ok=1))
    assert TotalsFile(str(path), "prod", "local").totals().operations == {("get", "ok"): 1}


def test_numbers_that_cannot_be_written_fail_nothing_and_warn_once(tmp_path):
    (tmp_path / "file").touch()
    warnings = []
    options = {"backend": "local", "path": str(tmp_path / "store"), "metrics_path": str(tmp_path / "file" / "numbers.json")}
    manager = open_store(options, name="prod", warn=warnings.append)
    create(manager)
    for _each in range(2):
        manager.get("db")
        manager.flush()
    manager.close()
    assert len(warnings) == 1
    assert warnings[0].startswith("option 'metrics_path', store 'prod': ")
    assert manager.metering.totals().operations[("put", "ok")] == 1


def test_numbers_that_another_process_keeps_from_being_written_are_written_the_next_time(path, monkeypatch):
    monkeypatch.setattr(totals_file, "LOCK_TIMEOUT", 0.0)
    metering = meter(path)
    metering.recorder.on_operation("get", "ok", 0.002)
    path.parent.mkdir()
    with FileLock(str(path) + ".lock"):
        metering.flush()
    assert not path.exists()
    metering.flush()
    assert meter(path).totals().operations == {("get", "ok"): 1}


def test_no_name_and_no_value_is_in_the_file(tmp_path, path):
    manager = open_store({"backend": "local", "path": str(tmp_path / "store"), "metrics_path": str(path)})
    create(manager, SECRET_NAME)
    manager.get(SECRET_NAME)
    manager.close()
    text = path.read_text()
    assert SECRET_NAME not in text
    assert CANARY not in text


def test_a_store_writes_nothing_unless_it_is_told_where(tmp_path):
    manager = open_store({"backend": "memory", "audit": "off"})
    create(manager)
    manager.close()
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_no_text_is_refused():
    with pytest.raises(InvalidConfiguration, match="option 'metrics_path'"):
        open_store({"backend": "memory", "metrics_path": ["a"]})


def test_a_process_that_was_answered_has_seen_the_breaker_closed():
    """A new process begins with a closed breaker, and tells no change when the backend answers it."""
    before = counted()
    before.breaker, before.opened = Breaker(OPEN, NOW - 60, NOW - 60), 1
    before.add(counted(unavailable=1), NOW)
    assert before.breaker.state == OPEN
    before.add(counted(not_found=1), NOW)
    assert before.breaker == Breaker(CLOSED, NOW, NOW - 60)


def test_other_bounds_keep_the_counts_and_begin_the_durations_anew():
    document = encode_totals(counted(ok=3))
    document["bounds"] = [1.0]
    document["seconds"] = {"get": [3, 0.1, [3, 0]]}
    totals = read(document)
    assert (totals.operations, totals.timings) == ({("get", "ok"): 3}, {})


COUNTS = st.integers(min_value=1, max_value=10**9)


@st.composite
def some_totals(draw):
    totals = Totals(NOW + draw(st.integers(0, 1000)))
    totals.operations = draw(st.dictionaries(st.tuples(st.sampled_from(["get", "put"]), st.sampled_from(["ok", "timeout"])), COUNTS))
    for operation in draw(st.sets(st.sampled_from(["get", "put"]))):
        timing = totals.timings[operation] = Timing()
        for seconds in draw(st.lists(st.floats(0, 100), max_size=5)):
            timing.took(seconds)
    totals.retries = draw(st.dictionaries(st.sampled_from(["get", "put"]), COUNTS))
    totals.hits, totals.misses = draw(st.tuples(st.none() | COUNTS, st.none() | COUNTS))
    if draw(st.booleans()):
        totals.breaker, totals.opened = Breaker(draw(st.sampled_from([OPEN, CLOSED])), NOW, NOW - 5), draw(COUNTS)
    totals.settle(NOW)
    return totals


@given(some_totals())
def test_what_is_written_is_read_back(totals):
    """Through JSON, so that nothing depends on Python's own types."""
    assert encode_totals(read(json.loads(json.dumps(encode_totals(totals))))) == json.loads(
        json.dumps(encode_totals(totals)), object_hook=tuples
    )


def tuples(document):
    """JSON knows no tuples."""
    for name in ("breaker",):
        if isinstance(document.get(name), list):
            document[name] = tuple(document[name])
    if "windows" in document:
        document["windows"] = {window: tuple(recent) for window, recent in document["windows"].items()}
    return document


@given(some_totals(), some_totals(), some_totals())
def test_it_does_not_matter_in_which_order_processes_add(one, two, three):
    def together(*parts):
        first = parts[0].copy()
        for part in parts[1:]:
            first.add(part, NOW)
        shown = describe_totals(first, NOW)
        shown["breaker"] = None  # an answer after an open breaker closes it, so that here the order says something
        for timing in shown["seconds"].values():
            timing["sum"] = round(timing["sum"], 3)
        return shown

    assert together(one, two, three) == together(three, one, two) == together(two, three, one)
