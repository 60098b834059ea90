# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the reference page of every store's options from their declarations: `python -m tests.house.write_options_page`.

Needs the collection on PYTHONPATH. A test compares the page with what this writes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, List, Mapping, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, read_traits
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import FROM_FILE, FROM_VARIABLE, BackendTraits, Spec
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.auth_options import METHODS
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources import options as key_sources
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache import options as shared_cache
from ansible_collections.nebula.credential.plugins.module_utils.layers.write_rules import RULES
from ansible_collections.nebula.credential.plugins.module_utils.locks.options import COMMON as LOCK
from ansible_collections.nebula.credential.plugins.module_utils.locks.registry import KINDS
from ansible_collections.nebula.credential.plugins.module_utils.store.open import COMMON_OPTIONS
from ansible_collections.nebula.credential.plugins.module_utils.types.recipes import options as recipes

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "reference" / "options.md"
HEAD = """\
<!--
Copyright (c) 2026, the nebula.credential authors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->

<!-- Written by a script from the declarations of the options: do not edit. -->

# Every option of every store

- **Other names.** Options are also known by the names that other collections use. An option that is given under two names is refused.
- **From a file, from a variable.** Where the table has ✓, the value can also be in the file that `<option>_file` names, or in the
  environment variable that `<option>_env` names; give one of the three. They are read again for each login, so they may be renewed.
  A value that contains `{{` is given in this way: in `nebula.yml`, in `ansible.cfg` and in the environment no template is resolved, so
  one is refused there.
- **Environment.** A variable of other tools stands for an option that is not written. The first variable in the table that is set and
  not empty wins. A variable that would loosen TLS, or asks for something that a store does not do, is refused by name.
- **Passwords** and the like (*secret*) are masked in Ansible's output, under every name.
"""
TABLE = "| option | type | default | what it is | other names | from a file or variable |\n|---|---|---|---|---|---|"


def build_page() -> str:
    """Return the text of the page."""
    parts = [HEAD, _section("Every store", COMMON_OPTIONS)]
    for backend in sorted(BACKENDS):
        traits = read_traits(backend)
        parts.append(_section("The backend `{0}`".format(backend), traits.spec, traits.aliases, traits.login))
        parts += _describe_parts(traits)
    parts.append(_section("`shared_cache`", shared_cache.OPTIONS, shared_cache.ALIASES, shared_cache.LOGIN))
    parts.append(_section("Each of `refreshes`", recipes.PARTS))
    parts.append(_section("`rules`", RULES))
    parts.append(_section("`lock`, of every kind", LOCK))
    for kind, row in KINDS.items():
        traits = row()[0]
        parts.append(_section("`lock` of the kind `{0}`".format(kind), traits.spec, traits.aliases, traits.login))
    parts.append(_describe_key_sources())
    return "\n".join(parts)


def _section(title: str, spec: Spec, aliases: Optional[Mapping[str, str]] = None, login: Sequence[str] = ()) -> str:
    rows = [row for option, each in spec.items() for row in _rows(option, each, aliases or {}, login)]
    return "\n".join(["## " + title, "", TABLE, *rows, ""])


def _rows(option: str, spec: Mapping[str, Any], aliases: Mapping[str, str], login: Sequence[str]) -> Iterator[str]:
    """One row for an option, and one for each of its suboptions. Files and variables of a login are in the row of their option."""
    if "description" not in spec and any(option in (part + FROM_FILE, part + FROM_VARIABLE) for part in login):
        return
    kind = spec["type"] + (" of " + spec["elements"] if "elements" in spec else "") + (", secret" if spec.get("no_log") else "")
    choices = spec.get("choices")
    text = spec["description"] + (" One of {0}.".format(", ".join("`{0}`".format(choice) for choice in choices)) if choices else "")
    names = ", ".join("`{0}`".format(alias) for alias, meant in aliases.items() if meant == option)
    yield "| `{0}` | {1} | {2} | {3} | {4} | {5} |".format(option, kind, _default(spec), text, names, "✓" if option in login else "")
    if option != shared_cache.OPTION:
        for part, each in (spec.get("options") or {}).items():
            yield from _rows("{0}.{1}".format(option, part), each, aliases, login)


def _default(spec: Mapping[str, Any]) -> str:
    value = spec.get("default")
    return "" if value in (None, {}, []) else "`{0}`".format(str(value).lower() if isinstance(value, bool) else value)


def _describe_parts(traits: BackendTraits) -> Iterator[str]:
    parts = [part for part in traits.login if "." in part]
    if parts:
        names = {part: ", ".join("`{0}`".format(alias) for alias, meant in traits.aliases.items() if meant == part) for part in parts}
        yield "Parts of `auth`, by `auth.method`:\n\n| method | options |\n|---|---|"
        yield "\n".join("| `{0}` | {1} |".format(method, _describe_method(method)) for method in METHODS) + "\n"
        yield "Each of these can also come from a file or a variable:\n\n| part | other names |\n|---|---|"
        yield "\n".join("| `{0}` | {1} |".format(part, names[part]) for part in parts) + "\n"
        others = [(alias, meant) for alias, meant in traits.aliases.items() if "." in meant and not _is_of(meant, parts)]
        yield "Also: {0}.\n".format(", ".join("`{0}` for `{1}`".format(*each) for each in others))
    if traits.environment:
        yield "| variable | stands for |\n|---|---|"
        rows = [
            "| {0} | `{1}` |".format(", ".join("`{0}`".format(name) for name in names), option)
            for option, names in traits.environment.items()
        ]
        yield "\n".join(rows) + "\n"
    if traits.refused_environment:
        yield "| refused variable | because it | unless |\n|---|---|---|"
        yield "\n".join(_describe_refused(traits)) + "\n"


def _is_of(option: str, parts: Sequence[str]) -> bool:
    return any(option in (part, part + FROM_FILE, part + FROM_VARIABLE) for part in parts)


def _describe_method(method: str) -> str:
    needs, takes = METHODS[method].needs, METHODS[method].takes
    shown = [
        "{0}{1}".format(" or ".join(map("`{0}`".format, group.split("|"))), note)
        for note, groups in ((" (required)", needs), ("", takes))
        for group in groups
    ]
    return ", ".join([*shown, *(["`mount`"] if METHODS[method].mount else [])])


def _describe_refused(traits: BackendTraits) -> Iterator[str]:
    for variable, refused in traits.refused_environment.items():
        unless: List[str] = ["`{0}` is written".format(refused.option)] if refused.option else []
        if refused.harmless:
            unless.append("its value is {0}".format(", ".join("`{0}`".format(value) for value in refused.harmless)))
        yield "| `{0}` | {1} | {2} |".format(variable, refused.what, ", or ".join(unless))


def _describe_key_sources() -> str:
    parts = ["## Entries of `key_sources`\n\n[Keys](../advanced/keys.md) says what each source is good for.\n"]
    for kind, traits in key_sources.SOURCES.items():
        backend = key_sources.LIKE_BACKEND.get(kind)
        like = read_traits(backend) if backend else None
        own = {option: spec for option, spec in traits.spec.items() if like is None or like.spec.get(option) != spec}
        login = [option for option in traits.login if option in own]
        parts.append("#" + _section("`source: {0}`".format(kind), own, {} if like else traits.aliases, login))
        if like:
            parts.append(
                "The connection is that of the backend [`{0}`](#the-backend-{0}): {1}.\n".format(backend, _list_shared(traits, own))
            )
    return "\n".join(parts)


def _list_shared(traits: BackendTraits, own: Spec) -> str:
    shared = [option for option in traits.spec if option not in own and not option.endswith((FROM_FILE, FROM_VARIABLE))]
    return ", ".join("`{0}`".format(option) for option in shared) + ", with the same other names and variables"


if __name__ == "__main__":
    PAGE.write_text(build_page(), encoding="utf-8")
