# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plaintext of an envelope: the fields and the state of a record, as bytes of a fixed layout."""

from __future__ import annotations

from typing import Dict, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.encoding.binary import U32, Malformed, Reader, write_bytes, write_text
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret


def write_payload(fields: Fields, state: Fields) -> bytes:
    """Encode fields and state: each a 4-byte count, then name (string) and value (4-byte length, bytes), names in rising order.

    A field without a value is left out: here null is the absence of a field.
    """
    return _write(find_values(fields)) + _write(find_values(state))


def _write(values: Fields) -> bytes:
    names = sorted(values, key=lambda name: name.encode("utf-8", "surrogatepass"))
    return U32.pack(len(values)) + b"".join(write_text(name) + write_bytes(values[name].expose()) for name in names)


def read_payload(data: bytes) -> Tuple[Dict[str, Secret], Dict[str, Secret]]:
    """Read what `write_payload` wrote.

    Raises:
        Damaged: it does not follow the layout. The tag was correct, so the writer had a fault.
    """
    reader = Reader(data)
    try:
        fields, state = _read(reader), _read(reader)
        reader.end()
    except Malformed as problem:
        raise Damaged("the value does not follow its layout: {0}".format(problem)) from None
    return fields, state


def _read(reader: Reader) -> Dict[str, Secret]:
    found: Dict[str, Secret] = {}
    last = b""
    for position in range(reader.u32()):
        name = reader.text()
        encoded = name.encode("utf-8")
        if position and encoded <= last:
            raise Malformed("names do not rise")
        last = encoded
        found[name] = Secret(reader.bytes())
    return found
