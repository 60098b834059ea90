# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An envelope as text that can be compared by people: its metadata, and a digest of what is encrypted. It is read without a key."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Dict

from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import envelope_metadata, read_envelope
from ansible_collections.nebula.credential.plugins.module_utils.encoding.metadata_json import write_metadata

_DIGITS = 16


def describe_envelope(data: bytes) -> Dict[str, str]:
    """Return the parts of an envelope by their names. No value is in it, and nothing of it is authenticated.

    `value` differs if another value was encrypted, or the same one anew, and stays if only metadata was changed.

    Raises:
        NotEncrypted: this is not an envelope.
        Damaged, UnknownFormat: it cannot be read.
    """
    envelope = read_envelope(data)
    header = envelope.header
    described = {
        "name": header.identity,
        "type": header.type,
        "version": str(header.serial),
        "revision": str(envelope.revision),
        "key": header.key_id.hex(),
    }
    for part, content in sorted(write_metadata(envelope_metadata(envelope)).items()):
        if content:
            described["metadata." + part] = content if isinstance(content, str) else json.dumps(content, sort_keys=True)
    described["value"] = "encrypted, " + sha256(envelope.ciphertext).hexdigest()[:_DIGITS]
    return described
