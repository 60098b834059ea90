# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A recipe that runs a command: the fields as JSON on its standard input, the new ones as JSON on its standard output."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Callable, Dict, Mapping, NoReturn, Optional

from ansible_collections.nebula.credential.plugins.module_utils.context.process import Finished
from ansible_collections.nebula.credential.plugins.module_utils.context.program import Program
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_unicode_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import InteractionRequired, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.recipes.recipe import Recipe, texts_of

VERSION = 1
REFUSED, INTERACTION, DOWN = "refresh_failed", "interaction_required", "unavailable"
"""The errors that a command may report, by their codes."""


class CommandRecipe(Recipe):
    """Runs a program on the controller, as the user of the run."""

    def __init__(self, name: str, settings: Mapping[str, Any], lifetime: Optional[timedelta], warn: Callable[[str], object]) -> None:
        """Take the checked settings. Runs nothing.

        Raises:
            InvalidConfiguration: `command` names no program.
        """
        super().__init__(name, settings, lifetime)
        self._program = Program(settings, warn, purpose="refresh '{0}'".format(name))

    def send(self, fields: Mapping[str, Secret]) -> Mapping[str, Any]:
        """Run it once. Its error output is shown only with `show_messages`.

        Raises:
            InvalidConfiguration, InsecurePermissions: there is no such program, or everyone can change it.
            RefreshFailed, LoginFailed, InteractionRequired: it says so.
            Unavailable, Timeout: it says so, or it gave no answer.
        """
        self._program.prepare()
        request = {"protocol": VERSION, "call": "refresh", "fields": texts_of(fields)}
        finished = self._program.run([], (json.dumps(request) + "\n").encode("ascii"), writing=not self.is_repeatable)
        answer = self._read_answer(finished)
        if "error" in answer:
            self._refuse_reported(answer["error"])
        if finished.status != 0:
            raise self._no_answer_error(finished)
        return answer

    def _read_answer(self, finished: Finished) -> Dict[str, Any]:
        try:
            found = read_unicode_json(finished.output)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._no_answer_error(finished)
        return found

    def _no_answer_error(self, finished: Finished) -> Unavailable:
        how = "it wrote something else" if finished.status == 0 else self._program.describe_end(finished)
        what = "the command of the refresh '{0}' gave no answer: {1}".format(self.name, how)
        error = Unavailable(what, remedy=self._program.describe_errors(finished))
        error.annotate(outcome_unknown=not self.is_repeatable)
        return error

    def _refuse_reported(self, reported: Any) -> NoReturn:
        error = reported if isinstance(reported, dict) else {}
        code, message = error.get("code"), error.get("message")
        said = self._program.describe_message(message if isinstance(message, str) else "")
        if code == REFUSED:
            self.refuse("was refused by its command", said)
        if code == INTERACTION:
            raise InteractionRequired("the command of the refresh '{0}' wants a person to act".format(self.name), remedy=said)
        if code == DOWN:
            down = Unavailable("the command of the refresh '{0}' cannot reach its service".format(self.name), remedy=said)
            raise down.annotate(outcome_unknown=error.get("outcome_unknown") is True)
        self.refuse_answer("has an error with none of the codes {0}".format(", ".join((REFUSED, INTERACTION, DOWN))))
