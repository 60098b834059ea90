# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random values: passwords by policy, tokens, UUIDs, passphrases and what matches a regular expression.

The randomness comes from the operating system (stdlib `secrets`).
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

AMBIGUOUS = "0O1lI|5S2Z8B"
SYMBOLS = "!#%&()*+,-./:;<=>?@[]^_{}~"
MIN_LENGTH = 8
MAX_LENGTH = 1024
PASSWORD, HEX, URLSAFE, UUID, PASSPHRASE, PATTERN = "password", "hex", "urlsafe", "uuid", "passphrase", "pattern"
KINDS = (PASSWORD, HEX, URLSAFE, UUID, PASSPHRASE, PATTERN)

_CLASSES = {
    "lowercase": string.ascii_lowercase,
    "uppercase": string.ascii_uppercase,
    "digits": string.digits,
}


@dataclass(frozen=True)
class PasswordPolicy:
    """The composition of a generated password. The number of a class is its least number of characters; 0 leaves the class out.

    Attributes:
        length: number of characters, 8 to 1024.
        symbol_set: the characters that count as symbols.
        exclude_ambiguous: leave out characters that are easily confused (`0O1lI|5S2Z8B`).
        exclude: further characters to leave out.
    """

    length: int = 32
    lowercase: int = 1
    uppercase: int = 1
    digits: int = 1
    symbols: int = 0
    symbol_set: str = SYMBOLS
    exclude_ambiguous: bool = False
    exclude: str = ""


def generate_password(policy: PasswordPolicy) -> Secret:
    """Generate a password: the least number of each class, the rest from all classes, in random order.

    Raises:
        InvalidInput: no password can meet the policy.
    """
    import secrets  # imported here, like uuid below: reading a credential generates nothing

    pools = _pools(policy)
    least = {name: getattr(policy, name) for name in pools}
    _check_length(policy.length, sum(least.values()))
    drawn = [secrets.choice(pools[name]) for name, count in least.items() for _draw in range(count)]
    alphabet = "".join(pools.values())
    drawn += [secrets.choice(alphabet) for _draw in range(policy.length - len(drawn))]
    secrets.SystemRandom().shuffle(drawn)
    return Secret("".join(drawn))


def generate_value(options: Mapping[str, Any], kind: str = PASSWORD) -> Secret:
    """Generate a value as the options of `generate` say.

    Args:
        options: `kind`, one of `KINDS`; `bytes` of randomness for hex and urlsafe (16 to 1024, default 32); for a password the attributes
            of `PasswordPolicy`; for a passphrase `words` and `separator`; the `pattern` that a value of that kind matches.
        kind: the kind if the options name none.

    Raises:
        InvalidInput: an option is unknown, or does not fit the kind.
        MissingLibrary: a passphrase or a pattern needs a package.
    """
    chosen = str(options.get("kind") or kind)
    given = {name: value for name, value in options.items() if name != "kind" and value is not None}
    if chosen == PASSWORD:
        return generate_password(_policy(given))
    if chosen not in KINDS:
        raise _invalid("there is no kind '{0}'".format(chosen), "Use one of: {0}.".format(", ".join(KINDS)))
    if chosen == PASSPHRASE:
        return _generate_passphrase(given)
    return _generate_match(given) if chosen == PATTERN else _generate_token(chosen, given)


def _generate_passphrase(given: Mapping[str, Any]) -> Secret:
    from ansible_collections.nebula.credential.plugins.module_utils.types.passphrase import WORDS, generate_passphrase

    _refuse_unknown(given, ("words", "separator"), PASSPHRASE)
    return generate_passphrase(_number("words", given.get("words", WORDS)), str(given.get("separator", "-")))


def _generate_match(given: Mapping[str, Any]) -> Secret:
    from ansible_collections.nebula.credential.plugins.module_utils.types.patterns import generate_match

    _refuse_unknown(given, ("pattern",), PATTERN)
    if "pattern" not in given:
        raise _invalid("kind 'pattern' is given without 'pattern'", "Write the regular expression that the value has to match.")
    return generate_match(str(given["pattern"]))


def _generate_token(kind: str, given: Mapping[str, Any]) -> Secret:
    import secrets
    import uuid

    _refuse_unknown(given, () if kind == UUID else ("bytes",), kind)
    if kind == UUID:
        return Secret(str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)))
    count = _number("bytes", given.get("bytes", 32))
    if not 16 <= count <= MAX_LENGTH:
        raise _invalid("bytes is {0}".format(count), "Use 16 to {0}.".format(MAX_LENGTH))
    return Secret(secrets.token_hex(count) if kind == HEX else secrets.token_urlsafe(count))


def _policy(given: Mapping[str, Any]) -> PasswordPolicy:
    known = PasswordPolicy.__dataclass_fields__
    _refuse_unknown(given, tuple(known), PASSWORD)
    values: Dict[str, Any] = {}
    for name, value in given.items():
        default = known[name].default
        if isinstance(default, bool):
            values[name] = _flag(name, value)
        else:
            values[name] = _number(name, value) if isinstance(default, int) else str(value)
    return PasswordPolicy(**values)


def _pools(policy: PasswordPolicy) -> Dict[str, str]:
    left_out = set(policy.exclude) | (set(AMBIGUOUS) if policy.exclude_ambiguous else set())
    pools: Dict[str, str] = {}
    for name, characters in dict(_CLASSES, symbols=policy.symbol_set).items():
        if getattr(policy, name) < 0:
            raise _invalid("{0} is negative".format(name), "Use 0 to leave the class out.")
        if getattr(policy, name):
            pools[name] = "".join(_without_repeats(characters, left_out))
    empty = [name for name, pool in pools.items() if not pool]
    if empty or not pools:
        raise _invalid("no character is left for {0}".format(", ".join(empty) or "any class"), "Exclude fewer characters.")
    return pools


def _without_repeats(characters: str, left_out: set[str]) -> List[str]:
    # A character listed twice would be chosen twice as often.
    return [character for character in dict.fromkeys(characters) if character not in left_out]


def _check_length(length: int, least: int) -> None:
    if not MIN_LENGTH <= length <= MAX_LENGTH:
        raise _invalid("length is {0}".format(length), "Use {0} to {1} characters.".format(MIN_LENGTH, MAX_LENGTH))
    if length < least:
        raise _invalid("length {0} has no room for {1} characters of the classes".format(length, least), "Raise 'length'.")


def _refuse_unknown(given: Mapping[str, Any], allowed: tuple[str, ...], kind: str) -> None:
    unknown = sorted(set(map(str, given)) - set(allowed))
    if unknown:
        remedy = "Allowed for kind '{0}': {1}.".format(kind, ", ".join(("kind", *allowed)))
        raise _invalid("unknown: {0}".format(", ".join(unknown)), remedy)


def _number(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise _invalid("{0} is not a number".format(name), "Write it as a whole number.") from None


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "yes", "false", "no"):
        return str(value).lower() in ("true", "yes")
    raise _invalid("{0} is neither true nor false".format(name), "Write true or false.")


def _invalid(what: str, remedy: str) -> InvalidInput:
    return InvalidInput(what, option="generate", remedy=remedy)
