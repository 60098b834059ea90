# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds key sources from `key_sources` of a store's configuration. Loads only the sources that it names.

A new source is its file, its declaration in `options.py`, and its row here: a function, because what is sent to a host is chosen by
imports that the source shows.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import refuse_unknown
from ansible_collections.nebula.credential.plugins.module_utils.crypto.configured_source import ConfiguredSource
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_source import KeySource
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import Surroundings, VaultPassword
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import ALIASES, ALLOWED, OPTION, SOURCES
from ansible_collections.nebula.credential.plugins.module_utils.crypto.store_document import MOST_SOURCES
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, check_packages

Warn = Callable[[str], object]
Build = Callable[[Mapping[str, Any], Surroundings], KeySource]
"""Builds a source from the options of its entry that have a value. Raises InvalidConfiguration; uses no network."""


def _age() -> Build:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.age import from_options

    return from_options


def _ansible_vault() -> Build:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.ansible_vault import from_options

    return from_options


def _aws_kms() -> Build:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.aws_kms import from_options

    return from_options


def _azure_key_vault() -> Build:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.azure_key_vault import from_options

    return from_options


def _gcp_kms() -> Build:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.gcp_kms import from_options

    return from_options


def _key_file() -> Build:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.key_file import from_options

    return from_options


def _keyring() -> Build:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.keyring import from_options

    return from_options


def _memory() -> Build:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.memory import from_options

    return from_options


def _passphrase() -> Build:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.passphrase import from_options

    return from_options


def _pkcs11() -> Build:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.pkcs11 import from_options

    return from_options


def _vault_transit() -> Build:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.vault_transit import from_options

    return from_options


KINDS: Mapping[str, Callable[[], Build]] = {
    "age": _age,
    "ansible_vault": _ansible_vault,
    "aws_kms": _aws_kms,
    "azure_key_vault": _azure_key_vault,
    "gcp_kms": _gcp_kms,
    "key_file": _key_file,
    "keyring": _keyring,
    "memory": _memory,
    "passphrase": _passphrase,
    "pkcs11": _pkcs11,
    "vault_transit": _vault_transit,
}

DEFAULT: Tuple[Mapping[str, Any], ...] = ({"source": "key_file"},)

_CHOOSE = "Use one of: {0}.".format(", ".join(sorted(ALLOWED)))
_PARTS = frozenset(("source",)).union(*ALLOWED.values(), *ALIASES.values())
"""The options of an entry, of every kind, also by their other names."""


def build_sources(
    entries: Optional[List[Mapping[str, Any]]], warn: Warn, vault_password: Optional[VaultPassword] = None
) -> Tuple[KeySource, ...]:
    """Build the sources of a store.

    Args:
        entries: mappings with `source` and its own options; None for a key file at the default path; empty for a store that is only listed.
        warn: called if the permissions of a place cannot be checked.
        vault_password: returns the password of a vault id; None anywhere but on the controller.

    Raises:
        InvalidConfiguration: an entry is not a valid source.
    """
    if entries is not None and len(entries) > MOST_SOURCES:
        raise InvalidConfiguration(
            "{0} sources are too many".format(len(entries)), option=OPTION, remedy="Give {0} at most.".format(MOST_SOURCES)
        )
    surroundings = Surroundings(warn, vault_password)
    return tuple(ConfiguredSource(_build(dict(entry), surroundings)) for entry in (DEFAULT if entries is None else entries))


def check_dropped(names: Iterable[str], sources: Iterable[KeySource]) -> None:
    """Check that each name can be dropped and is not configured as well: the next opening would give it a slot again.

    Raises:
        InvalidConfiguration: a name is not a key source, or is configured.
    """
    configured = tuple(sources)
    for name in names:
        if name.split(":", 1)[0] not in ALLOWED:
            raise InvalidConfiguration(
                "it names something that is not a key source",
                option="drop_sources",
                remedy="Name it by its kind ({0}), or as 'kind:label'.".format(", ".join(sorted(ALLOWED))),
            )
        if any(source.answers_to(name) for source in configured):
            raise InvalidConfiguration(
                "'{0}' is also configured as a key source".format(name), option="drop_sources", remedy="Remove it from 'key_sources' first."
            )


def _build(entry: Dict[str, Any], surroundings: Surroundings) -> KeySource:
    kind = entry.pop("source", None)
    given = {key: value for key, value in entry.items() if value is not None}
    _check(kind, given)
    check_packages(SOURCES[kind].packages)
    return KINDS[kind]()(given, surroundings)


def _check(kind: Any, given: Mapping[str, Any]) -> None:
    refuse_unknown(map(str, given), _PARTS, OPTION)
    if kind is None:
        raise InvalidConfiguration("an entry names no 'source'", option=OPTION, remedy=_CHOOSE)
    if not isinstance(kind, str) or kind not in ALLOWED:
        raise InvalidConfiguration("there is no key source {0}".format(ascii(kind)), option=OPTION, remedy=_CHOOSE)
    for key in given:
        if key not in ALLOWED[kind]:
            raise InvalidConfiguration(
                "the key source '{0}' has no option {1}".format(kind, ascii(key)),
                option=OPTION,
                remedy="It takes: {0}.".format(", ".join(ALLOWED[kind])),
            )
