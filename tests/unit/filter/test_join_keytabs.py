# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter `join_keytabs`: one keytab with the keys of several."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from ansible.errors import AnsibleError

from ansible_collections.nebula.credential.plugins.filter.join_keytabs import FilterModule
from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos.keytab import HEADER, read_keytab

join = FilterModule().filters()["join_keytabs"]


def keytab(*versions: int, key: bytes = bytes(32)) -> str:
    names = struct.pack(">H", 1) + b"".join(struct.pack(">H", len(each)) + each for each in (b"EXAMPLE.TEST", b"web"))
    entries = [names + struct.pack(">IIBHH", 1, 0, version, 18, len(key)) + key for version in versions]
    return base64.b64encode(HEADER + b"".join(struct.pack(">i", len(entry)) + entry for entry in entries)).decode()


def read(joined: str) -> Any:
    return read_keytab(base64.b64decode(joined))


def test_the_keys_of_all_are_in_one_and_each_is_there_once() -> None:
    joined = read(join([keytab(3, key=b"n" * 32), keytab(3, 2), ""]))
    assert [(entry.version, entry.key) for entry in joined] == [(3, b"n" * 32), (2, bytes(32))]


def test_of_one_keytab_and_none_of_before_it_remains_as_it_is() -> None:
    assert join([keytab(2, 1), ""]) == keytab(2, 1)


@pytest.mark.parametrize("given", [["%%%"], [base64.b64encode(b"no keytab").decode()], keytab(1), None])
def test_what_is_no_list_of_keytabs_is_refused_without_a_word_of_it(given: Any) -> None:
    with pytest.raises(AnsibleError) as raised:
        join(given)
    assert "keytab" in str(raised.value)
    assert keytab(1) not in str(raised.value)
