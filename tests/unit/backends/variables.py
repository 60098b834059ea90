# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a store makes of the variables of the environment: for the tests of each backend."""

from __future__ import annotations

from typing import Any, Dict, Mapping

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import fill_from_environment
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import read_traits
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

CANARY = "canary-5d1e"


def fill(config: Mapping[str, Any], environment: Mapping[str, str]) -> Dict[str, Any]:
    """The configuration, completed by these variables."""
    return fill_from_environment(read_traits(config["backend"]), config, environment).config


def check_filled(config: Mapping[str, Any], environment: Mapping[str, str], expected: Mapping[str, Any]) -> None:
    """Check options of a configuration that is completed by these variables."""
    found = fill(config, environment)
    assert {option: found.get(option) for option in expected} == expected


def check_refused(config: Mapping[str, Any], variable: str, write: str) -> None:
    """Check that a store is not opened because of a variable, and that the error says what to write."""
    with pytest.raises(InvalidConfiguration) as caught:
        open_store(config, name="prod")
    assert "the environment variable {0} ".format(variable) in str(caught.value)
    assert write in str(caught.value)
    assert CANARY not in str(caught.value)


def check_named(config: Mapping[str, Any], variable: str, option: str) -> None:
    """Check that a mistake in a variable is reported with its option and its own name."""
    with pytest.raises(InvalidConfiguration, match="from the environment variable {0}".format(variable)) as caught:
        open_store(config, name="prod")
    assert (caught.value.option, caught.value.store) == (option, "prod")
    assert CANARY not in str(caught.value)
