# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies as secrets of GitHub Actions. Beside each one a variable of Actions records what it was copied from.

The variable is written before the secret and after it. In between it has no time, which says that a write was begun: a run that is
killed there is no drift. Afterwards it has the time that GitHub states for the secret; another time is a change by somebody else.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Dict, Iterator, List, Mapping, Optional
from urllib.parse import quote

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext, Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.github.options import (
    ENVIRONMENT,
    ORGANIZATION,
    REPOSITORY,
    SELECTED,
    TOKEN,
    TRAITS,
    URL,
    VISIBILITY,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.rest_connection import RestConnection, read_http_date
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_answers import Service, check_address
from ansible_collections.nebula.credential.plugins.module_utils.backends.write_only import (
    Listed,
    WriteOnlyPlace,
    read_name_of_place,
    read_pages,
    read_time,
    read_written_mark,
    refuse_name,
)
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import CopyMark
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

RECORD = "NEBULA_COPY_OF_"
"""The beginning of the names of the variables."""
MOST_BYTES = 48 * 1024
SECRETS, VARIABLES, REPOSITORIES = "secrets", "variables", "repositories"
_PAGES = {SECRETS: 100, VARIABLES: 20, REPOSITORIES: 50}
"""How many entries a page has: no more than GitHub allows, and no more than a response may be large."""
_NAME = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*\Z")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+\Z")
_OWNER = re.compile(r"[A-Za-z0-9-]+\Z")


class GitHub(WriteOnlyPlace):
    """The secrets of one repository, of one of its environments, or of an organization."""

    options = TRAITS.spec
    capabilities = Capabilities(native=True, remote=True, write_only=True, server_side_encryption=True, max_bytes=MOST_BYTES)
    service = "GitHub Actions"
    container = "a secret of GitHub Actions"

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Check the options. Sends nothing.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        super().__init__(options, context)
        self._base = self._read_base()
        service = Service("GitHub", check_address(str(self.setting(URL))), TOKEN, "the permissions 'Secrets' and 'Variables' (write)")
        self._connection: RestConnection = RestConnection(options, context.warn, service, TRAITS.packages, _build_headers)

    def _read_base(self) -> str:
        repository, environment, organization = (self.setting(option) for option in (REPOSITORY, ENVIRONMENT, ORGANIZATION))
        if bool(repository) == bool(organization):
            raise InvalidConfiguration("one place is to be named", option=REPOSITORY, remedy="Write 'repository' or 'organization'.")
        if organization:
            if environment:
                raise InvalidConfiguration("only a repository has environments", option=ENVIRONMENT, remedy="Leave it out.")
            if not _OWNER.match(organization):
                raise InvalidConfiguration("it is no name of an organization", option=ORGANIZATION, remedy="Write its name alone.")
            return "/orgs/{0}/actions".format(organization)
        if not _REPOSITORY.match(repository):
            raise InvalidConfiguration("it is no repository", option=REPOSITORY, remedy="Write it as 'owner/name'.")
        if environment:
            return "/repos/{0}/environments/{1}".format(repository, quote(environment, safe=""))
        return "/repos/{0}/actions".format(repository)

    def name_copy(self, name: str) -> str:
        written = read_name_of_place(name)
        return "_" + written if written[:1].isdigit() else written

    def check_name(self, name: str) -> None:
        if not _NAME.match(name) or name.startswith(RECORD):
            refuse_name(name, "capitals, digits and '_', no digit first, not beginning with GITHUB_ or {0}".format(RECORD))

    def check_value(self, text: str) -> None:
        if not text:
            raise InvalidInput("its value is empty, which GitHub takes for no secret", remedy="Leave it out of the mirror.")

    def write_value(self, name: str, value: Secret, mark: CopyMark) -> None:
        self._record(name, mark, None)
        key = self._read_object("GET", "/secrets/public-key", "key", "key_id")
        content: Dict[str, Any] = {"encrypted_value": _seal(value, key["key"]), "key_id": key["key_id"], **self._visibility}
        if self._visibility.get(VISIBILITY) == SELECTED:
            content["selected_repository_ids"] = self._list_selected(name)  # without them GitHub would take them all away
        written = read_http_date(self._send("PUT", "/secrets/" + name, content).headers.get("date"))
        stated = read_time(self._read_object("GET", "/secrets/" + name, "updated_at")["updated_at"])
        # What is read at once may be older than what was written.
        self._record(name, mark, stated if written is None else max(stated, written))

    def _record(self, name: str, mark: CopyMark, updated_at: Optional[datetime]) -> None:
        variable = RECORD + name
        text = json.dumps({"copy_of": mark.write(), "updated_at": None if updated_at is None else updated_at.isoformat()})
        content = {"name": variable, "value": text, **self._visibility}
        try:
            self._send("PATCH", "/variables/" + variable, content)
        except NotFound:
            self._send("POST", "/variables", content)

    def _list_selected(self, name: str) -> List[int]:
        """Return the numbers of the repositories that were selected for a secret of the organization."""
        try:
            found = [each.get("id") for each in self._list(REPOSITORIES, "/secrets/{0}/repositories".format(name))]
        except NotFound:
            return []
        numbers = [number for number in found if isinstance(number, int)]
        if len(numbers) < len(found):
            raise self._connection.junk()
        return numbers

    @property
    def _visibility(self) -> Dict[str, Any]:
        return {"visibility": self.setting(VISIBILITY)} if self.setting(ORGANIZATION) else {}

    def delete_value(self, name: str) -> None:
        for path in ("/secrets/" + name, "/variables/" + RECORD + name):
            with suppress(NotFound):
                self._send("DELETE", path)

    def list_values(self) -> Iterator[Listed]:
        records = {each["name"]: each.get("value") for each in self._list(VARIABLES) if each["name"].startswith(RECORD)}
        for each in self._list(SECRETS):
            written = _read_record(records.get(RECORD + each["name"]))
            mark, recorded = read_written_mark(written.get("copy_of")), written.get("updated_at")
            if mark is not None and recorded is None:
                mark = replace(mark, version="")  # a write was begun, and may not have ended
            updated_at = read_time(each.get("updated_at"))
            yield Listed(each["name"], mark, self._describe_change(each, updated_at, recorded), updated_at)

    def _describe_change(self, secret: Mapping[str, Any], updated_at: datetime, recorded: object) -> str:
        wanted, found = self._visibility.get(VISIBILITY), secret.get(VISIBILITY)
        if wanted is not None and found != wanted:
            return "its 'visibility' there is {0}, and that of this store is '{1}'".format(ascii(found), wanted)
        is_later = recorded is not None and updated_at > read_time(recorded)
        return "the value of this copy was written there after the last sync" if is_later else ""

    def _list(self, kind: str, path: str = "") -> Iterator[Mapping[str, Any]]:
        size = _PAGES[kind]

        def read(page: int) -> List[Mapping[str, Any]]:
            found = self._read_object("GET", "{0}?per_page={1}&page={2}".format(path or "/" + kind, size, page)).get(kind)
            if not isinstance(found, list) or not all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in found):
                raise self._connection.junk()
            return found

        return read_pages(read, size, self._connection.junk)

    def check_health(self) -> None:
        self._read_object("GET", "/secrets/public-key", "key", "key_id")

    def _read_object(self, method: str, path: str, *texts: str) -> Mapping[str, Any]:
        found = self._connection.read_json(self._send(method, path))
        if not isinstance(found, dict) or not all(isinstance(found.get(text), str) for text in texts):
            raise self._connection.junk()
        return found

    def _send(self, method: str, path: str, content: Optional[Mapping[str, Any]] = None) -> Any:
        return self._connection.send(method, self._base + path, content)

    def location(self) -> str:
        return "github {0}{1}".format(self._connection.address, self._base)

    def connect(self) -> None:
        super().connect()
        _load_nacl()

    def locate(self, name: str) -> Dict[str, str]:
        return {"url": self._connection.address, "secret": "{0}/secrets/{1}".format(self._base.lstrip("/"), name)}


def _build_headers(token: str) -> Mapping[str, str]:
    return {"Authorization": "Bearer " + token, "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


def _load_nacl() -> Any:
    import nacl.exceptions
    import nacl.public

    return nacl


def _read_record(text: object) -> Mapping[str, Any]:
    try:
        found = read_json(str(text))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _seal(value: Secret, key: str) -> str:
    """Return a value that only GitHub can open, as base64: a sealed box of libsodium, as its API wants it."""
    nacl = _load_nacl()
    try:
        sealed = nacl.public.SealedBox(nacl.public.PublicKey(base64.b64decode(key, validate=True))).encrypt(value.expose())
    except (binascii.Error, ValueError, TypeError, nacl.exceptions.CryptoError):
        raise InvalidInput("the public key that the service states is none", option=URL, remedy="Check the address.") from None
    return base64.b64encode(sealed).decode("ascii")
