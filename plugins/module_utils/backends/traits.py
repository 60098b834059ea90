# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rest of the collection needs to know of a backend without loading it: its options, as data.

Workers of a run, linters and tests read it; loading the backend itself, and its library, would cost each worker a quarter of a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import Package

Spec = Mapping[str, Mapping[str, Any]]
FROM_FILE, FROM_VARIABLE = "_file", "_env"
"""The endings of the options that name the file, or the environment variable, which holds the value of an option of a login."""


def add_sources(spec: Spec, login: Tuple[str, ...]) -> Spec:
    """Return the spec with `<option>_file` and `<option>_env` for each option of a login. Parts of mappings have no spec."""
    added = {}
    for option in login:
        if "." not in option:
            added[option + FROM_FILE] = {"type": "path", "no_log": False}
            added[option + FROM_VARIABLE] = {"type": "str", "no_log": False}
    return {**spec, **added}


@dataclass(frozen=True)
class RefusedVariable:
    """An environment variable of other tools that a store does not follow.

    Attributes:
        what: what it would do, as a clause after the variable's name.
        remedy: what to write instead.
        option: the option that decides instead of it: if that is written, the variable is not looked at. None if no option does.
        harmless: values, in lower case, that change nothing.
    """

    what: str
    remedy: str
    option: Optional[str] = None
    harmless: Tuple[str, ...] = ()


def reads_always(_option: str, _written: Mapping[str, Any], _filled: Mapping[str, Any]) -> bool:
    """Return True: a variable stands for its option wherever that is not written."""
    return True


@dataclass(frozen=True)
class BackendTraits:
    """A backend's declaration about itself. A part of a mapping is written `option.part`.

    Attributes:
        spec: its options, as an Ansible argument spec. Options of type path and those with `no_log` are not repeated below.
        parts_with_paths: parts of untyped mappings that are paths.
        parts_with_secrets: parts of untyped mappings that are secret.
        aliases: other names of options, and the option (or part) that each stands for.
        login: the options and parts of a login. Each can also be given as `<option>_file` and `<option>_env` (`option_sources`).
        environment: the variables that stand for an option which is not written, the first one that is set wins.
        refused_environment: variables with which a store is not opened, unless their option is written.
        reads_variable: whether the variables of an option count, given the option, the configuration as it is written, and the same
            with the variables so far.
        environment_prefixes: prefixes of the variables that the backend or its library reads. A change of one starts another session.
        play_variables: the beginning of the names of Ansible variables that stand for options; empty for none. A lookup must know it, too
            (`THEIRS` in lookup/get.py), since other values of them are another request; `registry.fill_from_play` reads them.
        packages: the packages to install. A backend that is reached over a network also needs tenacity, which the retry layer imports.
        directory: the option that names the store's directory, if the store is a directory of the machine that opens it. Its audit
            trail is kept there; with its default key it is never opened on a target; a session opens it when it is first used.
        runs_programs: whether its stores run what they name. Then only the configuration file may name it, or allow it (`extensions`),
            and it is never opened on a target. A third party's backend is treated like that in any case.
        credentials: options that name a credential of another store, which a login needs: mappings of `store`, `name` and maybe `field`.
            Their store is resolved where the configuration is. A store with one is never opened on a host.
    """

    spec: Spec
    parts_with_paths: Tuple[str, ...] = ()
    parts_with_secrets: Tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    login: Tuple[str, ...] = ()
    environment: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    refused_environment: Mapping[str, RefusedVariable] = field(default_factory=dict)
    reads_variable: Callable[[str, Mapping[str, Any], Mapping[str, Any]], bool] = reads_always
    environment_prefixes: Tuple[str, ...] = ()
    play_variables: str = ""
    packages: Tuple[Package, ...] = ()
    directory: Optional[str] = None
    runs_programs: bool = False
    credentials: Tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Complete the spec, and the parts that are paths, by the files and variables of the login."""
        object.__setattr__(self, "spec", add_sources(self.spec, self.login))
        files = tuple(part + FROM_FILE for part in self.login if "." in part)
        object.__setattr__(self, "parts_with_paths", tuple(dict.fromkeys((*self.parts_with_paths, *files))))

    def narrow(self, spec: Spec) -> BackendTraits:
        """Return a declaration with the options of `spec` alone, which are some of these and others, and what this one says about them."""
        login = tuple(option for option in self.login if option in spec)
        known = add_sources(spec, login)
        return BackendTraits(
            spec=spec,
            aliases={alias: option for alias, option in self.aliases.items() if option in known},
            login=login,
            environment={option: names for option, names in self.environment.items() if option in known},
            refused_environment={
                name: refused for name, refused in self.refused_environment.items() if refused.option is None or refused.option in known
            },
            reads_variable=self.reads_variable,
        )

    @property
    def packages_of_every_store(self) -> Tuple[Package, ...]:
        """The packages that every store of this backend needs."""
        return tuple(package for package in self.packages if not package.when)

    @property
    def paths(self) -> Tuple[str, ...]:
        """The options of type path."""
        return tuple(option for option, spec in self.spec.items() if spec.get("type") == "path")

    @property
    def secrets(self) -> Tuple[str, ...]:
        """The options, and the parts of options, with secret values."""
        return tuple(option for option, spec in self.spec.items() if spec.get("no_log")) + self.parts_with_secrets
