# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module's library, as the action sends it to a host: only the files that the operation and the backend need.

ansible-core would send what the source imports, which is every backend and every operation. So a module imports this file
alone, and the files arrive as one of its arguments.
"""

from __future__ import annotations

import bz2
import importlib
import json
import sys
from base64 import b64decode, b64encode
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from typing import Any, Dict, Mapping, Optional

from ansible.module_utils import basic

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

CODE = "_code"
"""The argument of a module with its library. It is no option: the action writes it, and `AnsibleModule` does not see it."""

LIBRARY = "ansible_collections.nebula.credential.plugins.module_utils."


def pack(sources: Mapping[str, str]) -> str:
    """Return the sources of modules, by their full names, as one ASCII text for `unpack`."""
    return b64encode(bz2.compress(json.dumps(sources, sort_keys=True).encode())).decode()


def unpack(code: str) -> Dict[str, str]:
    """Return the sources that `pack` packed."""
    sources: Dict[str, str] = json.loads(bz2.decompress(b64decode(code)).decode())
    return sources


def run_sent_module(operation: str) -> None:
    """Run the module of an operation with the library that the action sent, or the installed one.

    Raises:
        InvalidInput: no library was sent, and none is installed: another action has sent the module.
    """
    code = (basic._load_params() or {}).get(CODE)
    if code:
        sys.meta_path.append(_SentModules(unpack(code)))
    try:
        module_main = importlib.import_module(LIBRARY + "operations.module_main")
    except ModuleNotFoundError as error:
        if code or not (error.name or "").startswith(LIBRARY.rstrip(".")):
            raise
        what = "the module was sent to the host without its library"
        raise InvalidInput(what, remedy="Run it as a task, so that its action sends both.") from None
    specification = getattr(importlib.import_module(LIBRARY + "argument_specs." + operation), operation.upper())
    module_main.run_module(operation, specification)


class _SentModules(MetaPathFinder, InspectLoader):
    """Imports the modules of a mapping from memory. A name that only begins others is a package."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Optional[ModuleSpec]:
        """Return how a sent module is loaded, or None if it was not sent."""
        if fullname in self._sources or self.is_package(fullname):
            return spec_from_loader(fullname, self)
        return None

    def is_package(self, fullname: str) -> bool:
        """Whether sent modules are below this name."""
        return any(name.startswith(fullname + ".") for name in self._sources)

    def get_source(self, fullname: str) -> str:
        """Return the source of a sent module; a package's is empty."""
        return self._sources.get(fullname, "")
