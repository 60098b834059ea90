# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `security: strict` of a store refuses, by the name of the option that loosens something, and what of it a store keeps.

Stores and tasks that are not strict do not load this file, except to describe a store.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping, NamedTuple, Optional, Tuple

from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE

from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import STRICT as AUDIT_STRICT
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import is_third_party
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.store.options import SECURITY

Options = Mapping[str, Any]
_LEAVE_OUT = "Leave it out, or take 'security: strict' out of the store."

_WITHOUT_TLS = ("disable", "allow", "prefer")
"""What libpq may do without TLS: it asks for it, at most, and goes on without an answer."""
_OF_TARGETS: Mapping[str, Tuple[Any, ...]] = {
    "allow_insecure_transport": (True,),
    "allow_plain_http": (True,),
    "verify": (False,),
    "ssl_mode": _WITHOUT_TLS,
    "sslmode": _WITHOUT_TLS,
    "secret_in": ("environment",),
}
"""By the name of an option of a rotation's target, the values that loosen something."""


class Rule(NamedTuple):
    """One thing that a strict store keeps.

    Attributes:
        name: as `store_info` shows it.
        what: what the option does that is refused.
        find: returns the option of a store that breaks the rule (a part as `option.part`), or None.
    """

    name: str
    what: str
    find: Callable[[Options], Optional[str]]


def _find_value(loosening: bool, *names: str) -> Callable[[Options], Optional[str]]:
    """Return a function that finds an option (by these names) with this value, wherever it is in a configuration."""
    values = BOOLEANS_TRUE if loosening else BOOLEANS_FALSE

    def find(options: Options) -> Optional[str]:
        return next((place for place, value in _walk(options) if place.rpartition(".")[2] in names and _is_one_of(value, values)), None)

    return find


def _is_one_of(value: Any, values: Any) -> bool:
    return isinstance(value, (bool, int, float, str)) and (value.lower().strip() if isinstance(value, str) else value) in values


def _walk(value: Any, place: str = "") -> Iterator[Tuple[str, Any]]:
    """Yield every part of a configuration that is no mapping or list, with its place. Elements of a list have the place of the list."""
    if isinstance(value, Mapping):
        for key in value:
            yield from _walk(value[key], "{0}.{1}".format(place, key) if place else str(key))
    elif isinstance(value, (list, tuple)):
        for element in value:
            yield from _walk(element, place)
    else:
        yield place, value


def _find_audit(options: Options) -> Optional[str]:
    return None if options.get("audit") == AUDIT_STRICT else "audit"


def _find_copy(options: Options) -> Optional[str]:
    return None if options.get("fallback_copy") is None else "fallback_copy"


def _find_foreign_code(options: Options) -> Optional[str]:
    return "backend" if is_third_party(options.get("backend")) else "types" if options.get("types") else None


RULES: Tuple[Rule, ...] = (
    Rule("strict_audit", "accesses could go unrecorded", _find_audit),
    Rule("no_plaintext", "values may be kept in plain text", _find_value(True, "allow_plaintext")),
    Rule("encrypted_transport", "values and logins may cross the network in plain text", _find_value(True, "allow_insecure_transport")),
    Rule(
        "verified_servers",
        "another server could take the place of the store's",
        _find_value(False, "verify", "validate_certs", "verify_ssl"),
    ),
    Rule("no_offline_copy", "values stay on the disk, and are used after their store has withdrawn them", _find_copy),
    Rule("hidden_messages", "an error may show what a program printed", _find_value(True, "show_messages")),
    Rule("own_code", "code of another party gets its values", _find_foreign_code),
)
ENCRYPTED_AT_REST = "encrypted_at_rest"
"""The rule that depends on the backend, besides `RULES`."""


def make_strict(options: Dict[str, Any], written: Options) -> Dict[str, Any]:
    """Return the validated options of a strict store: its audit trail is strict, and nothing loosens anything.

    Args:
        options: the options with their defaults.
        written: the configuration as it is written, with the names of options in place of aliases.

    Raises:
        InvalidConfiguration: an option that is written loosens something.
    """
    strict = options if written.get("audit") is not None else dict(options, audit=AUDIT_STRICT)
    for rule in RULES:
        option = rule.find(strict)
        if option is not None:
            raise InvalidConfiguration("the store is strict, and {0}".format(rule.what), option=option, remedy=_LEAVE_OUT)
    return strict


def check_encrypted(able: Capabilities, is_encrypted: bool) -> None:
    """Check that a strict store is encrypted, by this collection or by its backend.

    Raises:
        InvalidConfiguration: it is not.
    """
    if not is_encrypted and not able.server_side_encryption:
        remedy = "Write 'encrypt: true', or take 'security: strict' out of the store."
        raise InvalidConfiguration(
            "the store is strict, and neither the backend nor the store encrypts values", option="encrypt", remedy=remedy
        )


def check_task(operation: str, parameters: Options) -> None:
    """Check that the options of a task loosen nothing for a strict store.

    Raises:
        InvalidInput: one does.
    """
    for option in _find_loosened(operation, parameters):
        raise InvalidInput("the store is strict, and its 'security' does not allow that", option=option, remedy="Leave it out.")


def _find_loosened(operation: str, parameters: Options) -> Iterator[str]:
    items = parameters.get("credentials")
    for given in (parameters, *(items if isinstance(items, list) else ())):
        if isinstance(given, Mapping) and given.get("return_value"):
            yield "return_value"
    if not operation.startswith("credential_rotate"):
        return
    for place, value in _walk({name: part for name, part in parameters.items() if isinstance(part, Mapping)}):
        if value in _OF_TARGETS.get(place.rpartition(".")[2], ()):
            yield place


def describe_security(options: Options, able: Capabilities) -> Dict[str, Any]:
    """Return `{mode, holds, loosened_by}`: for each rule whether the store keeps it, and the options because of which it does not."""
    encrypts = able.envelopes and not able.native if options.get("encrypt") is None else bool(options["encrypt"])
    found = {rule.name: rule.find(options) for rule in RULES}
    found[ENCRYPTED_AT_REST] = None if encrypts or able.server_side_encryption else "encrypt"
    return {
        "mode": options.get(SECURITY),
        "holds": {name: option is None for name, option in found.items()},
        "loosened_by": [option for option in found.values() if option is not None],
    }
