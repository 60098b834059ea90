# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a third party's backend raises shows nothing that its libraries said."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed
from ansible_collections.nebula.credential.plugins.module_utils.layers.third_party import ContractGuard
from tests.conformance.records import a_record


class Talkative(Memory):
    """Its errors have causes: once named, once not."""

    def get(self, *_asked: Any, **_more: Any) -> Any:
        try:
            raise ValueError("token kV7-canary")
        except ValueError as problem:
            raise LoginFailed("no login") from problem

    def put(self, *_asked: Any, **_more: Any) -> Any:
        try:
            raise ValueError("token kV7-canary")
        except ValueError:
            raise LoginFailed("no login")  # noqa: B904  # the cause that Python adds


@pytest.mark.parametrize("call", [lambda store: store.get("db"), lambda store: store.put(a_record("db"))], ids=["get", "put"])
def test_the_causes_of_its_errors_are_not_shown_in_a_traceback(call: Any) -> None:
    traits = BackendTraits(Memory.options)
    store = ContractGuard(Talkative({}, BackendContext("prod")), "acme.vaulty.shelf", traits, 60, 60)
    with pytest.raises(LoginFailed, match="no login") as caught:
        call(store)
    assert "kV7-canary" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
