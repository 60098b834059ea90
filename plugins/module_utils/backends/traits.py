# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rest of the collection needs to know of a backend without loading it: its options, as data.

Workers of a run, linters and tests read it; loading the backend itself, and its library, would cost each worker a quarter of a second.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Tuple

Spec = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Package:
    """A Python package that a backend needs where Ansible runs.

    Attributes:
        requirement: as pip takes it, with its lower bound.
        module: the top-level module that is imported from it.
        when: what needs it, for the README; empty if every store of the backend does.
    """

    requirement: str
    module: str
    when: str = ""


def pip_install(*packages: Package) -> str:
    """Return the command that installs these packages."""
    return " ".join(["pip install", *(shlex.quote(package.requirement) for package in packages)])


@dataclass(frozen=True)
class BackendTraits:
    """A backend's declaration about itself. A part of a mapping is written `option.part`.

    Attributes:
        spec: its options, as an Ansible argument spec. Options of type path and those with `no_log` are not repeated below.
        parts_with_paths: parts of untyped mappings that are paths.
        parts_with_secrets: parts of untyped mappings that are secret.
        environment: options, by the environment variable that is their default.
        environment_prefixes: prefixes of the variables that the backend or its library reads. A change of one starts another session.
        packages: the packages to install. A backend that is reached over a network also needs tenacity, which the retry layer imports.
        directory: the option that names the store's directory, if the store is a directory of the machine that opens it. Its audit
            trail is kept there; with its default key it is never opened on a target; a session opens it when it is first used.
    """

    spec: Spec
    parts_with_paths: Tuple[str, ...] = ()
    parts_with_secrets: Tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    environment_prefixes: Tuple[str, ...] = ()
    packages: Tuple[Package, ...] = ()
    directory: Optional[str] = None

    @property
    def paths(self) -> Tuple[str, ...]:
        """The options of type path."""
        return tuple(option for option, spec in self.spec.items() if spec.get("type") == "path")

    @property
    def secrets(self) -> Tuple[str, ...]:
        """The options, and the parts of options, with secret values."""
        return tuple(option for option, spec in self.spec.items() if spec.get("no_log")) + self.parts_with_secrets
