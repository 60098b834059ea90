# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A third party's backend is known to the process that it was added to."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends import registry
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

NAME = "acme.vaulty.shelf"


def test_a_backend_is_unknown_until_it_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_added", {})
    traits, backend = registry.read_traits("memory"), registry.backend_class("memory")
    with pytest.raises(InvalidConfiguration, match=r"there is no backend 'acme\.vaulty\.shelf'"):
        registry.backend_class(NAME)
    registry.add_backend(NAME, traits, backend)
    assert (registry.read_traits(NAME), registry.backend_class(NAME)) == (traits, backend)
    assert (registry.is_third_party(NAME), registry.is_third_party("memory")) == (True, False)
