# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits of Kubernetes for a Secret, checked before anything is sent."""

from __future__ import annotations

import re
from typing import Iterable, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, TooLarge

MAX_DATA = 1024 * 1024
"""The most bytes of all values of a Secret together (core/v1 MaxSecretSize)."""
MAX_ANNOTATIONS = 256 * 1024
"""The most bytes of all keys and values of the annotations together."""
MAX_KEY = 253
_KEY = re.compile(r"(?!\.\.?\Z)(?!\.\.)[-._a-zA-Z0-9]+\Z")


def check_keys(fields: Iterable[str], reserved: Iterable[str]) -> None:
    """Check names of fields as keys of a Secret's data.

    Raises:
        InvalidInput: one cannot be a key, or is a reserved key.
    """
    taken = set(reserved)
    for field in fields:
        if len(field) > MAX_KEY or not _KEY.match(field):
            raise InvalidInput(
                "the field {0} cannot be a key of a Secret".format(ascii(field)[:80]),
                option="fields",
                remedy="Use letters, digits, '-', '_' and '.', {0} characters at most.".format(MAX_KEY),
            )
        if field in taken:
            raise InvalidInput(
                "the field '{0}' is used by the collection itself".format(field), option="fields", remedy="Choose another field name."
            )


def check_annotations(annotations: Mapping[str, str]) -> None:
    """Check the size of a Secret's annotations. The layer `limits` checks its values.

    Raises:
        TooLarge: they exceed the limit of Kubernetes.
    """
    size = sum(len(key.encode("utf-8")) + len(value.encode("utf-8")) for key, value in annotations.items())
    if size > MAX_ANNOTATIONS:
        raise TooLarge(
            "the metadata has {0} bytes, and the annotations of a Secret hold {1} at most".format(size, MAX_ANNOTATIONS),
            remedy="Shorten the description, tags or attributes, or write 'encrypt: true', which keeps them in the envelope.",
        )
