# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A write of several requests whose backend knows how far it came: it is finished, and not begun again."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.retry import Retry
from tests.conformance.records import a_record


class Halved(Memory):
    """Stores a value, and fails in what follows that as often as it is set to."""

    failures = 0
    ends_with = None

    def put(self, record, expected=None, *, create=False):
        stored = super().put(record, expected, create=create)

        def rest():
            self.failures -= 1
            if self.failures >= 0:
                problem = Unavailable("refused").annotate(outcome_unknown=True)
                problem.rest = rest
                raise problem
            if self.ends_with is not None:
                raise self.ends_with
            return stored

        return rest()


@pytest.mark.parametrize(("failures", "repeats"), [(1, 5), (3, 5), (1, 0)])
def test_a_write_that_a_backend_can_finish_is_finished_and_not_begun_again(failures, repeats):
    """Also after the last repeat, as the outcome of a lost response is read then."""
    below = Halved({}, BackendContext("below"))
    below.failures = failures
    stored = Retry(below, repeats, sleep=lambda _seconds: None).put(a_record(value="one"), create=True)
    assert (stored.version, [info.version for info in below.versions("db_pass")]) == ("1", ["1"])


def test_what_becomes_of_the_rest_of_a_write_is_reported_as_it_is():
    """A conflict that the rest of a write ends with is certain: the backend has taken its value back."""
    below = Halved({}, BackendContext("below"))
    below.failures, below.ends_with = 2, Conflict("another run came first")
    with pytest.raises(Conflict) as caught:
        Retry(below, 5, sleep=lambda _seconds: None).put(a_record(value="one"), create=True)
    assert (str(caught.value), caught.value.outcome_unknown) == ("another run came first", False)


def test_a_rest_that_cannot_be_finished_leaves_the_outcome_open():
    below = Halved({}, BackendContext("below"))
    below.failures = 100
    with pytest.raises(Unavailable, match="not known") as caught:
        Retry(below, 2, sleep=lambda _seconds: None).put(a_record(value="one"), create=True)
    assert (caught.value.outcome_unknown, caught.value.rest, below.failures) == (True, None, 96)
