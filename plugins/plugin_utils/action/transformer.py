# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transformer of a migration: a Jinja expression for the name, the tags or the type of each credential.

An expression is the play's own text, which ansible-core trusts. It sees the variable `credential`: name, type, tags, description and
state, as data. No text in them is ever a template, and no value of a credential is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.template import is_trusted_as_template

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.config.native_values import to_native

VARIABLE = "credential"


class Transformer:
    """Evaluates the expressions of the option `transform`."""

    def __init__(self, templar: Any, written: Any) -> None:
        """Take the run's templar, and the option as the task has it.

        Raises:
            InvalidInput: it is no mapping, or an expression comes from somewhere else than the play, as from a host.
        """
        if not isinstance(written, Mapping):
            raise InvalidInput("it is not a mapping", option="transform", remedy="Write 'transform: {name: an expression}'.")
        self._templar = templar
        self._expressions = {str(part): text for part, text in written.items() if text is not None}
        for part, text in self._expressions.items():
            if not is_trusted_as_template(text):
                what = "ansible-core does not trust it: it is no text of the play, but came from a host, a file or a store"
                raise InvalidInput(what, option=_name(part), remedy="Write the expression in the play or in its variables.")

    def transform(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return `{to, tags, type}` for one credential; without what stays as it is.

        Raises:
            InvalidInput: an expression fails, or its result is of the wrong kind. The error names the credential.
        """
        results = {part: self._evaluate(part, text, row) for part, text in self._expressions.items()}
        for part, wanted in (("name", str), ("type", str), ("tags", (Mapping, list))):
            if part in results and not isinstance(results[part], wanted):
                kind = "a mapping or a list" if part == "tags" else "text"
                what = "its result is a {0}, not {1}".format(type(results[part]).__name__, kind)
                raise InvalidInput(what, option=_name(part), name=row["name"], remedy="Change the expression.")
        return {"to" if part == "name" else part: result for part, result in results.items()}

    def _evaluate(self, part: str, text: str, row: Mapping[str, Any]) -> Any:
        try:
            return to_native(self._templar.evaluate_expression(text, local_variables={VARIABLE: dict(row)}))
        except Exception as error:  # noqa: BLE001  # whatever a filter raises concerns this expression
            what = "it cannot be evaluated ({0})".format(type(error).__name__)
            remedy = (
                "Write a Jinja expression without braces, for example: credential.name | replace('old/', 'new/'). "
                "'credential' has name, type, tags, description and state."
            )
            raise InvalidInput(what, option=_name(part), name=row["name"], remedy=remedy) from None


def _name(part: str) -> str:
    return "transform.{0}".format(part)
