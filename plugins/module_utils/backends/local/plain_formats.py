# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three plain formats: JSON, YAML, and a binary layout with a checksum."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, Callable, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.encoding.binary import Malformed, Reader, write_value
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import MAGIC as ENVELOPE_MAGIC
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, MissingLibrary, NotEncrypted, Package, pip_install

BINARY_MAGIC = b"\x89NEBPLN\n"
_CHECKSUM_SIZE = 32
_RESTORE = "Restore it from a backup, or delete the credential and put it again."


class Codec(NamedTuple):
    """Encodes data as bytes and back. `read` raises Damaged if it cannot read the bytes."""

    write: Callable[[Any], bytes]
    read: Callable[[bytes], Any]


def _damage_error(what: str, data: bytes) -> Exception:
    if data.startswith(ENVELOPE_MAGIC):
        return NotEncrypted("the file is an envelope and the store is configured as plain", remedy="Configure 'format: encrypted'.")
    return Damaged(what, remedy=_RESTORE)


def _write_json(document: Any) -> bytes:
    return json.dumps(document, indent=2, sort_keys=True).encode("ascii") + b"\n"


def _read_json(data: bytes) -> Any:
    try:
        return read_json(data)
    except ValueError:
        raise _damage_error("the file is not JSON", data) from None


def _library() -> Any:
    """Return PyYAML, which only a store in that format loads.

    Raises:
        MissingLibrary: it is not installed.
    """
    try:
        import yaml
    except ImportError:
        what = "the format 'yaml' needs PyYAML, which is not installed"
        raise MissingLibrary(what, option="format", remedy="Run: {0}".format(pip_install(Package("PyYAML", "yaml")))) from None
    return yaml


def _write_yaml(document: Any) -> bytes:
    library = _library()
    dumper = getattr(library, "CSafeDumper", library.SafeDumper)
    text: str = library.dump(document, Dumper=dumper, default_flow_style=False, allow_unicode=False)
    return text.encode("ascii")


def _read_yaml(data: bytes) -> Any:
    library = _library()
    try:
        return library.load(data, Loader=getattr(library, "CSafeLoader", library.SafeLoader))
    except (library.YAMLError, ValueError, RecursionError):
        raise _damage_error("the file is not YAML", data) from None


def _write_binary(document: Any) -> bytes:
    body = BINARY_MAGIC + write_value(document)
    return body + sha256(body).digest()


def _read_binary(data: bytes) -> Any:
    body, checksum = data[:-_CHECKSUM_SIZE], data[-_CHECKSUM_SIZE:]
    if not body.startswith(BINARY_MAGIC) or sha256(body).digest() != checksum:
        raise _damage_error("the file is not a complete binary record", data)
    try:
        reader = Reader(body, len(BINARY_MAGIC))
        document = reader.value()
        reader.end()
    except Malformed:
        raise _damage_error("the file does not follow the binary layout", data) from None
    return document


JSON = Codec(_write_json, _read_json)
YAML = Codec(_write_yaml, _read_yaml)
BINARY = Codec(_write_binary, _read_binary)
