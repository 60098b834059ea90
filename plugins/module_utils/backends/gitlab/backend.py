# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies as variables of GitLab CI. The description of each one records what it was copied from, in the same request."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, Dict, Iterator, List, Mapping, Optional
from urllib.parse import quote

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext, Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.gitlab.options import (
    ENVIRONMENT_SCOPE,
    GROUP,
    MASKED,
    PROJECT,
    PROTECTED,
    TOKEN,
    TRAITS,
    URL,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.rest_connection import RestConnection
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_answers import Service, check_address
from ansible_collections.nebula.credential.plugins.module_utils.backends.write_only import (
    Listed,
    WriteOnlyPlace,
    read_name_of_place,
    read_pages,
    read_written_mark,
    refuse_name,
)
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidConfiguration,
    InvalidInput,
    NotFound,
    StorageError,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import CopyMark
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

RECORD = "nebula.credential "
"""The beginning of the descriptions; the mark follows as a list."""
MOST_BYTES = 10000
PAGE = 50
"""How many variables a page has, with their values: a response may not be larger than 1 MiB."""
LEAST_MASKED = 8
_LONGEST_RECORD = 255
_CHECKED = ("environment_scope", "masked", "protected", "raw", "variable_type", "description")
"""What GitLab states with a variable that it has stored. It leaves out what its version or its license does not have, and says nothing."""
_NAME = re.compile(r"[A-Za-z0-9_]{1,255}\Z")


class GitLab(WriteOnlyPlace):
    """The variables of one project or group, for some environments."""

    options = TRAITS.spec
    capabilities = Capabilities(native=True, remote=True, write_only=True, server_side_encryption=True, max_bytes=MOST_BYTES)
    service = "GitLab CI"
    container = "a variable of GitLab CI"

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Check the options. Sends nothing.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        super().__init__(options, context)
        project, group = self.setting(PROJECT), self.setting(GROUP)
        if bool(project) == bool(group):
            raise InvalidConfiguration("one place is to be named", option=PROJECT, remedy="Write 'project' or 'group'.")
        kind = "projects" if project else "groups"
        self._base = "/api/v4/{0}/{1}/variables".format(kind, quote(str(project or group), safe=""))
        self._environments = str(self.setting(ENVIRONMENT_SCOPE))
        if not self._environments:
            raise InvalidConfiguration("it is empty", option=ENVIRONMENT_SCOPE, remedy="Write '*' for all, or leave it out.")
        service = Service("GitLab", check_address(str(self.setting(URL))), TOKEN, "the role Maintainer, and the scope 'api'")
        self._connection: RestConnection = RestConnection(
            options, context.warn, service, TRAITS.packages, lambda token: {"PRIVATE-TOKEN": token}
        )

    def name_copy(self, name: str) -> str:
        return read_name_of_place(name)

    def check_name(self, name: str) -> None:
        if not _NAME.match(name):
            refuse_name(name, "letters, digits and '_'")

    def check_value(self, text: str) -> None:
        if not self.setting(MASKED):
            return
        if len(text) < LEAST_MASKED or re.search(r"\s", text) or not text.isprintable():
            what = "GitLab masks no value of fewer than {0} characters, or with spaces or line breaks".format(LEAST_MASKED)
            remedy = "Write another value; or 'masked: false' in the configuration of this store: the logs of jobs may show it then."
            raise InvalidInput(what, option=MASKED, remedy=remedy)

    def write_value(self, name: str, value: Secret, mark: CopyMark) -> None:
        record = RECORD + json.dumps([mark.store, mark.place, mark.name, mark.version, mark.revision], separators=(",", ":"))
        if len(record) > _LONGEST_RECORD:
            raise InvalidInput("its name is too long to be recorded there", name=mark.name, remedy="Give it a shorter name.")
        content = {
            "key": name,
            "value": value.expose().decode("utf-8"),
            "masked": self.setting(MASKED),
            "protected": self.setting(PROTECTED),
            "raw": True,  # otherwise GitLab reads `$` in the value as the beginning of another variable
            "variable_type": "env_var",
            "environment_scope": self._environments,
            "description": record,
        }
        is_there = self._is_there(name)
        answer = self._read_variable(self._send("PUT", self._path_of(name), content) if is_there else self._send("POST", "", content))
        ignored = [part for part in _CHECKED if answer.get(part) != content[part]]
        if not ignored:
            return
        environments = str(answer.get(ENVIRONMENT_SCOPE, "*"))
        after = "it has the new value" if is_there else self._withdraw(name, environments)
        what = "GitLab has stored the variable for the environments {0}, but without {1}; {2}"
        remedy = "Its version or its license has none for this place: groups need GitLab Premium for an 'environment_scope'."
        raise StorageError(what.format(ascii(environments), ", ".join(map(repr, ignored)), after), remedy=remedy)

    def _withdraw(self, name: str, environments: str) -> str:
        """Delete a variable that was created otherwise than it should be. Return what came of it."""
        try:
            self._send("DELETE", self._path_of(name, environments))
        except CredentialError:
            return "it could not be deleted again, so delete it there"
        return "it was deleted at once"

    def _is_there(self, name: str) -> bool:
        """Return True if there is a variable for these environments. A GitLab that has none for the place returns another one."""
        try:
            found = self._read_variable(self._send("GET", self._path_of(name)))
        except NotFound:
            return False
        return bool(found.get(ENVIRONMENT_SCOPE, "*") == self._environments)

    def _read_variable(self, response: Any) -> Mapping[str, Any]:
        found = self._connection.read_json(response)
        if not isinstance(found, dict):
            raise self._connection.junk()
        return found

    def delete_value(self, name: str) -> None:
        with suppress(NotFound):
            self._send("DELETE", self._path_of(name))

    def list_values(self) -> Iterator[Listed]:
        for each in read_pages(self._read_page, PAGE, self._connection.junk):
            if each.get("environment_scope", "*") == self._environments:
                yield Listed(each["key"], _read_record(each.get("description")))

    def _read_page(self, number: int) -> List[Mapping[str, Any]]:
        found = self._connection.read_json(self._send("GET", "?per_page={0}&page={1}".format(PAGE, number)))
        if not isinstance(found, list) or not all(isinstance(each, dict) and isinstance(each.get("key"), str) for each in found):
            raise self._connection.junk()
        return found

    def check_health(self) -> None:
        self._send("GET", "?per_page=1")

    def _path_of(self, name: str, environments: Optional[str] = None) -> str:
        return "/{0}?filter%5Benvironment_scope%5D={1}".format(name, quote(environments or self._environments, safe=""))

    def _send(self, method: str, path: str, content: Optional[Mapping[str, Any]] = None) -> Any:
        return self._connection.send(method, self._base + path, content)

    def location(self) -> str:
        return "gitlab {0}{1} {2}".format(self._connection.address, self._base, self._environments)

    def locate(self, name: str) -> Dict[str, str]:
        place = PROJECT if self.setting(PROJECT) else GROUP
        return {"url": self._connection.address, place: str(self.setting(place)), "variable": name}


def _read_record(description: object) -> Optional[CopyMark]:
    if not isinstance(description, str) or not description.startswith(RECORD):
        return None
    try:
        parts = read_json(description[len(RECORD) :])
    except ValueError:
        return None
    return read_written_mark(dict(zip(("store", "place", "name", "version", "revision"), parts))) if isinstance(parts, list) else None
