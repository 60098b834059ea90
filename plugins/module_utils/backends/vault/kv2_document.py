# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytes as text in KV version 2: the store's document, and envelopes. Earlier versions are not kept."""

from __future__ import annotations

from typing import NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import document_conflict
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import bytes_of, text_of
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import Kv2Requests
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, Damaged

_KEY = "document"
_REMEDY = "Restore it from a backup of the server."


class Document(NamedTuple):
    """The content, and its KV version."""

    content: bytes
    version: int


def read_document(requests: Kv2Requests, place: str) -> Optional[Document]:
    """Return a store's document, or None.

    Raises:
        Damaged: it does not hold what was written.
    """
    value = requests.read(place)
    if value is None or value.data is None:
        return None
    content = bytes_of(value.data.get(_KEY))
    if content is None:
        raise Damaged("the store's document at '{0}' is not what was written".format(place), remedy=_REMEDY)
    return Document(content, value.version.number)


def write_document(requests: Kv2Requests, place: str, content: bytes, replaces: Optional[int]) -> None:
    """Write a store's document over version `replaces` (None: there is none).

    Raises:
        Conflict: another version is stored.
    """
    try:
        if replaces is None:
            # Before the first version, so that no old key slot is ever kept.
            requests.keep(place, 1, new=True)
        requests.write(place, {_KEY: text_of(content)}, replaces or 0)
    except Conflict:
        raise document_conflict() from None
