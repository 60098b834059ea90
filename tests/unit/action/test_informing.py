# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was informed is in the report, also where the store does not keep it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, Unavailable
from ansible_collections.nebula.credential.plugins.plugin_utils.action.consumers import read_consumers
from ansible_collections.nebula.credential.plugins.plugin_utils.action.informing import inform_consumers


class Informed:
    """Informs every consumer."""

    def inform(self, *_what: Any) -> None:
        """Do nothing."""


def test_a_store_that_does_not_keep_what_was_informed_loses_no_row() -> None:
    consumers = {"shop": read_consumers("shop", [{"kind": "command", "argv": ["/bin/true"]}])}
    uninformed = [{"name": name, "target": "shop", "of": "2026-11-30", "left": ["command"]} for name in ("a", "b")]
    kept = []

    def keep(row: Any, left: list[str]) -> None:
        if row["name"] == "a":
            raise Unavailable("the store cannot be reached")
        kept.append((row["name"], left))

    rows = inform_consumers(consumers, uninformed, Informed(), keep, has_failed=False)  # type: ignore[arg-type]
    assert [(row["consumer"], row["credentials"], row["result"]) for row in rows] == [
        ("command", ["a", "b"], "informed"),
        ("(any)", ["a"], "failed"),
    ]
    assert kept == [("b", [])]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (["deployed"], "it is no mapping with a 'kind'"),
        ([{"kind": "deploy"}], "there is no kind 'deploy'. Did you mean 'deployed'"),
        ([{"kind": "deployed", "time_limt": 3}], "time_limt"),
        ("deploy", "there is no kind 'deploy'"),
    ],
)
def test_a_consumer_that_is_described_wrongly_is_named(written: object, message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=re.escape(message)):
        read_consumers("shop", written)
