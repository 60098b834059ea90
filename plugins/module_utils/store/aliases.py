# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other names of options in a store's configuration: of its backend, its key sources, its lock and its shared cache.

Also the paths that no argument spec declares: parts of a login, and of key sources. Loads none of them.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import change_part, read_part, resolve_aliases
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import find_traits
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

KEY_SOURCES, LOCK, SHARED_CACHE, FALLBACK_COPY = "key_sources", "lock", "shared_cache", "fallback_copy"
Change = Callable[[str, Any], Any]
"""Takes the option that an error names, and its value; returns the new value."""
LISTS_OF_SOURCES = (KEY_SOURCES, *("{0}.{1}".format(part, KEY_SOURCES) for part in (SHARED_CACHE, FALLBACK_COPY)))
"""The options that list key sources."""


def resolve_store_aliases(config: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a store's configuration with the options in place of their other names. The store checks what is no configuration.

    Do this before anything reads an option by its name: a path, a secret to mask, a fingerprint.

    Raises:
        InvalidConfiguration: an option is given under two names.
    """
    traits = find_traits(config.get("backend"))
    found = resolve_aliases(config, traits.aliases) if traits else dict(config)
    if isinstance(found.get(SHARED_CACHE), Mapping):
        found[SHARED_CACHE] = _resolve_key_sources(
            _resolve_part(SHARED_CACHE, found[SHARED_CACHE], _read_part_aliases(SHARED_CACHE, found))
        )
    if isinstance(found.get(LOCK), Mapping):
        found[LOCK] = _resolve_part(LOCK, found[LOCK], _read_part_aliases(LOCK, found))
    if isinstance(found.get(FALLBACK_COPY), Mapping):
        found[FALLBACK_COPY] = _resolve_key_sources(dict(found[FALLBACK_COPY]))
    return _resolve_key_sources(found)


def describe_aliases(option: Optional[str], config: Mapping[str, Any]) -> str:
    """Return a clause with the other names of an error's option, since the user may have written one of them; "" if it has none."""
    traits = find_traits(config.get("backend"))
    names = [alias for alias, meant in (traits.aliases if traits else {}).items() if meant == option]
    for part in (LOCK, SHARED_CACHE):
        if option is not None and option.startswith(part + "."):
            known = _read_part_aliases(part, config)
            names += ["{0}.{1}".format(part, alias) for alias, meant in known.items() if "{0}.{1}".format(part, meant) == option]
    return " (also called '{0}')".format("', '".join(names)) if names else ""


def _read_part_aliases(part: str, config: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the other names of the options of `lock` or `shared_cache`."""
    if part == SHARED_CACHE:
        from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.options import ALIASES

        return ALIASES
    from ansible_collections.nebula.credential.plugins.module_utils.locks.registry import find_aliases

    return find_aliases(config[part])


def _resolve_part(part: str, config: Mapping[str, Any], aliases: Mapping[str, str]) -> Dict[str, Any]:
    try:
        return resolve_aliases(config, aliases)
    except InvalidConfiguration as problem:
        problem.option = "{0}.{1}".format(part, problem.option)
        raise


def _resolve_key_sources(config: Dict[str, Any]) -> Dict[str, Any]:
    sources = config.get(KEY_SOURCES)
    if isinstance(sources, (list, tuple)):
        config[KEY_SOURCES] = [_resolve_source(source) for source in sources]
    return config


def _resolve_source(source: Any) -> Any:
    if not isinstance(source, Mapping):
        return source
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import ALIASES, OPTION

    kind = source.get("source")
    try:
        return resolve_aliases(source, ALIASES.get(kind, {}) if isinstance(kind, str) else {})
    except InvalidConfiguration as problem:
        what = "'{0}' of the key source '{1}': {2}".format(problem.option, kind, problem.what)
        raise InvalidConfiguration(what, option=OPTION, remedy=problem.remedy) from None


def has_key_sources(config: Mapping[str, Any]) -> bool:
    """Return True if a store's configuration lists key sources, its own or those of a cache or copies."""
    return any(read_part(config, option) for option in LISTS_OF_SOURCES)


def list_source_kinds(config: Mapping[str, Any], default: Sequence[Mapping[str, Any]] = ()) -> Iterator[str]:
    """Yield the kind of each entry of the lists of key sources. `default` stands for a list that is not written."""
    for option in LISTS_OF_SOURCES:
        written = read_part(config, option)
        entries = default if written is None else written
        for entry in entries if isinstance(entries, (list, tuple)) else ():
            kind = entry.get("source") if isinstance(entry, Mapping) else None
            if isinstance(kind, str):
                yield kind


def change_undeclared_paths(config: Mapping[str, Any], traits: Optional[BackendTraits], change: Change) -> Mapping[str, Any]:
    """Return the configuration with each path changed that no argument spec declares. The store checks what is no path."""
    for part in traits.parts_with_paths if traits else ():
        config = change_part(config, part, partial(change, part))
    for option in LISTS_OF_SOURCES:
        config = change_part(config, option, partial(_change_sources, partial(change, option)))
    return config


def _change_sources(change: Callable[[Any], Any], sources: Any) -> Any:
    return [_change_source(change, source) for source in sources] if isinstance(sources, (list, tuple)) else sources


def _change_source(change: Callable[[Any], Any], source: Any) -> Any:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import PATHS

    for part in PATHS:
        source = change_part(source, part, change)
    return source
