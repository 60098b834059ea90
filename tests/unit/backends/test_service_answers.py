# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address of a service that is only read."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.service_answers import check_address
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://me:canary@reader.example.com", "it holds a login"),
        ("canary", "it is not the address of a service"),
        ("http://canary.example.com", "it is plain HTTP"),
    ],
)
def test_a_wrong_address_is_not_shown_because_it_may_hold_a_login(address: str, words: str) -> None:
    with pytest.raises(InvalidConfiguration, match=words) as caught:
        check_address(address)
    assert "canary" not in str(caught.value)


def test_a_right_one_has_no_slash_at_its_end() -> None:
    assert check_address("https://reader.example.com/api/") == "https://reader.example.com/api"
