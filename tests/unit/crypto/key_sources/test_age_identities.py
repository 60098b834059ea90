# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of identities of age, as editors on Windows save them too."""

from __future__ import annotations

import pyrage
import pytest

from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources import age


@pytest.mark.parametrize("form", ["{0}", "# public key: age1\r\n{0}\r\n", "\ufeff{0}\n", "\ufeff# created\r\n{0}"])
def test_line_ends_and_a_byte_order_mark_are_no_part_of_an_identity(form):
    identity = pyrage.x25519.Identity.generate()
    (found,) = age._parse_identities(form.format(identity).encode("utf-8"))
    assert str(found) == str(identity)
