# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python packages that the collection needs for some of what it does, and the command that installs them."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from importlib.machinery import PathFinder
from typing import Iterable, List

from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingLibrary


@dataclass(frozen=True)
class Package:
    """A Python package that is needed where Ansible runs.

    Attributes:
        requirement: as pip takes it, with its lower bound.
        module: the top-level module that is imported from it.
        when: what needs it, for the README; empty if every store of the backend does.
    """

    requirement: str
    module: str
    when: str = ""


TENACITY = Package("tenacity>=8.3", "tenacity")
"""Needed by every store on a server, for its repeats."""


def pip_install(*packages: Package) -> str:
    """Return the command that installs these packages for the Python that runs this."""
    return " ".join([shlex.quote(sys.executable or "python3"), "-m pip install", *(shlex.quote(each.requirement) for each in packages)])


def check_packages(packages: Iterable[Package]) -> None:
    """Check that packages are installed, without loading them.

    Raises:
        MissingLibrary: some are not; the message names all of them, and the command that installs them.
    """
    missing: List[Package] = [package for package in dict.fromkeys(packages) if PathFinder.find_spec(package.module) is None]
    if missing:
        names = ", ".join(package.module for package in missing)
        what = "Python packages are not installed: {0}".format(names)
        raise MissingLibrary(what, remedy="Run: {0}".format(pip_install(*missing)))
