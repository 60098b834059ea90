# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recipes of a store, read from its option `refreshes`."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import name_part
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits, Spec
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration
from ansible_collections.nebula.credential.plugins.module_utils.types.base import RECIPES
from ansible_collections.nebula.credential.plugins.module_utils.types.recipes.command import CommandRecipe
from ansible_collections.nebula.credential.plugins.module_utils.types.recipes.recipe import Recipe
from ansible_collections.nebula.credential.plugins.module_utils.types.recipes.request import RequestRecipe

Validate = Callable[[Mapping[str, Any], Spec, BackendTraits], Dict[str, Any]]
"""Checks a configuration by its specification, and returns it with defaults and converted types."""

_OF_COMMAND: Spec = {
    "command": {
        "description": "The program and its arguments. It runs on the controller, as the user of the run. Put no secret into it.",
        "type": "list",
        "elements": "str",
    },
    "environment": {
        "description": "The names of further environment variables that the command gets. Without it: only those of every program.",
        "type": "list",
        "elements": "str",
    },
    "show_messages": {
        "description": "Whether an error shows what the command says of it, which may hold a secret. Without it: no.",
        "type": "bool",
    },
}
_OF_REQUEST: Spec = {
    "url": {
        "description": "The address of the service: https, or http to this machine. `{field}` stands for the value of a field in its "
        "path and query, as in the three options below.",
        "type": "str",
    },
    "method": {"description": "The method. Without it: POST.", "type": "str", "choices": ["POST", "GET", "PUT", "PATCH"]},
    "headers": {"description": "Headers.", "type": "dict"},
    "form": {"description": "The content as a form.", "type": "dict"},
    "json": {"description": "The content as JSON.", "type": "dict"},
    "basic": {"description": "The two fields that are the login of the Basic scheme.", "type": "list", "elements": "str"},
    "fields": {
        "description": "Where the JSON response has the new value of a field, by the field: a JSON pointer, for example `/data/token`.",
        "type": "dict",
    },
    "expires_in": {"description": "Where it has the seconds for which the value lives.", "type": "str"},
    "expires_at": {"description": "Where it has the time at which the value expires.", "type": "str"},
    "ca_file": {"description": "The authority that signs the service's certificate, as a PEM file.", "type": "path"},
}
PARTS: Spec = {
    **_OF_COMMAND,
    **_OF_REQUEST,
    "repeatable": {
        "description": "Whether the same may be sent twice. Without it a value whose response was lost needs a person.",
        "type": "bool",
        "default": False,
    },
    "lifetime": {"description": "How long a value lives if the answer does not say it, for example `1h`.", "type": "str"},
}
"""The options of a recipe."""


def read_recipes(written: Mapping[str, Any], validate: Validate, warn: Callable[[str], object]) -> Dict[str, Recipe]:
    """Return the recipes of a store by name. Uses nothing that they name.

    Args:
        written: the store's option.
        validate: checks the options of one.
        warn: called with each warning.

    Raises:
        InvalidConfiguration: one is wrong. The message names its option.
    """
    return {str(name): _read(str(name), settings, validate, warn) for name, settings in written.items()}


def _read(name: str, written: Any, validate: Validate, warn: Callable[[str], object]) -> Recipe:
    place = name_part(RECIPES, name)
    if not isinstance(written, Mapping):
        raise InvalidConfiguration("a refresh is a mapping", option=place, remedy="Write at least 'command' or 'url'.")
    try:
        settings = validate(written, PARTS, BackendTraits(spec=PARTS))
        lifetime = None if settings.get("lifetime") is None else duration(settings["lifetime"], "lifetime")
        return CommandRecipe(name, settings, lifetime, warn) if _is_command(written) else RequestRecipe(name, _fill(settings), lifetime)
    except (InvalidConfiguration, InvalidInput) as problem:
        option = "{0}.{1}".format(place, problem.option) if problem.option else place
        raise InvalidConfiguration(problem.what, option=option, remedy=problem.remedy) from None


def _is_command(written: Mapping[str, Any]) -> bool:
    """Return True for a recipe with a command, False for one with a request. Raises InvalidConfiguration for a mixture."""
    given = {part for part in written if written[part] is not None}
    if not given & {"command", "url"}:
        raise InvalidConfiguration("it has neither 'command' nor 'url'", remedy="Write one of them.")
    own, others = (_OF_COMMAND, _OF_REQUEST) if "command" in given else (_OF_REQUEST, _OF_COMMAND)
    idle = sorted(given & set(others))
    if idle:
        what = "it has no meaning with '{0}'".format(next(iter(own)))
        raise InvalidConfiguration(what, option=idle[0], remedy="Leave it out.")
    return "command" in given


def _fill(settings: Mapping[str, Any]) -> Dict[str, Any]:
    return {**settings, "method": settings.get("method") or "POST"}
