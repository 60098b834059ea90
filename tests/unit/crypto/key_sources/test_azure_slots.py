# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A slot of `azure_key_vault`: what whoever may write the store puts into it chooses no address."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.azure_key_vault import KeyVaultKey
from ansible_collections.nebula.credential.plugins.module_utils.errors import WrongPassphrase


class Refusing:
    """A connection over which nothing may be sent."""

    def request(self, *_arguments, **_options):
        raise AssertionError("a request was sent")


@pytest.mark.parametrize("version", [b"../../secrets/other?x=0123456789", b"0" * 31 + b"/", b"\xff" * 32, b"short", b""])
def test_what_is_no_version_of_a_key_is_not_sent(version):
    source = KeyVaultKey({"key": "k", "label": "", "read_timeout": 5.0, "api_version": "7.4"}, Refusing())
    with pytest.raises(WrongPassphrase, match="is not the key that this store's slot was made with"):
        source.unwrap(version, bytes(16))
