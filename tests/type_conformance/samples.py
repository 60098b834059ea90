# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The types that the suite runs on: those that the environment names.

NEBULA_CONFORMANCE_TYPES is `module:NAME`, where NAME is a sequence of `TypeSample`.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, Dict, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import Package
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import registry
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType

from .type_sample import TypeSample

VARIABLE = "NEBULA_CONFORMANCE_TYPES"


def _read_named() -> Dict[str, TypeSample]:
    module, _colon, name = os.environ.get(VARIABLE, "").partition(":")
    if not (module and name):
        raise RuntimeError("Set {0} to module:NAME, a sequence of TypeSample.".format(VARIABLE))
    found = {sample.name: sample for sample in getattr(importlib.import_module(module), name)}
    for sample in found.values():
        if sample.type is not None:
            registry.add_type(sample.name, sample.type())
    return found


SAMPLES = _read_named()
TYPES = tuple(SAMPLES)


def attributes_of(name: str) -> Mapping[str, Any]:
    """The attributes of the metadata that a type needs."""
    return SAMPLES[name].attributes


def given_to(name: str) -> Dict[str, Secret]:
    """The fields beside those that the type generates."""
    return {field: Secret(value() if callable(value) else value) for field, value in SAMPLES[name].given.items()}


def packages_of(name: str, kind: CredentialType) -> Tuple[Package, ...]:
    """The packages that a type needs for the fields that it is given."""
    packages = SAMPLES[name].packages
    return kind.packages if packages is None else packages
