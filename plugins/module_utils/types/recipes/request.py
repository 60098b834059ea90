# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A recipe that sends one HTTP request: the fields go where the recipe names them, the new ones come from a JSON response."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Dict, Mapping, Optional
from urllib.parse import quote

from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_unicode_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient, HttpResponse
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import find_address_problem, split_url
from ansible_collections.nebula.credential.plugins.module_utils.types.http_forms import build_basic_header
from ansible_collections.nebula.credential.plugins.module_utils.types.recipes.recipe import Recipe, texts_of

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LONGEST_POINTER = 32
"""How many steps a pointer into the response may have."""


class RequestRecipe(Recipe):
    """Sends a request. `{field}` stands for the value of a field."""

    def __init__(self, name: str, settings: Mapping[str, Any], lifetime: Optional[timedelta]) -> None:
        """Take the checked settings. Sends nothing.

        Raises:
            InvalidConfiguration: an address or a pointer cannot be used, or parts exclude each other.
        """
        super().__init__(name, settings, lifetime)
        self._settings = settings
        self._pointers = {str(field): str(pointer) for field, pointer in (settings.get("fields") or {}).items()}
        self._ends = {part: str(settings[part]) for part in ("expires_in", "expires_at") if settings.get(part) is not None}
        self._check()

    def send(self, fields: Mapping[str, Secret]) -> Mapping[str, Any]:
        """Send it once.

        Raises:
            RefreshFailed, LoginFailed: the service refuses, or a field that the recipe names has no value.
            Unavailable, Timeout: it does not respond.
            MissingLibrary: requests is not installed.
        """
        texts, settings = texts_of(fields), self._settings
        http = HttpClient(Tls(ca_file=settings.get("ca_file")))
        try:
            response = http.request(
                settings["method"],
                self._fill(settings["url"], {name: quote(text, safe="") for name, text in texts.items()}),
                headers=self._build_headers(fields, texts),
                form=self._fill(settings.get("form"), texts),
                json=self._fill(settings.get("json"), texts),
            ).check_available()
        finally:
            http.close()
        if not 200 <= response.status < 300:
            self.refuse("was refused: {0} responded with status {1}".format(response.host, response.status))
        return self._read_response(response)

    def _check(self) -> None:
        address = str(self._settings["url"])
        problem = find_address_problem(_PLACEHOLDER.sub("x", address), takes_query=True)
        parts = split_url(address)
        if problem is not None:
            raise InvalidConfiguration(problem.what, option="url", remedy=problem.remedy)
        # A field must not decide which server gets the others.
        if parts is None or _PLACEHOLDER.search(parts.netloc) or _PLACEHOLDER.search(parts.scheme):
            raise InvalidConfiguration("a field stands for the server", option="url", remedy="Write the server's name out.")
        if self._settings.get("form") is not None and self._settings.get("json") is not None:
            raise InvalidConfiguration("there is 'form', too", option="json", remedy="Give one of them.")
        if self._settings.get("basic") is not None and len(self._settings["basic"]) != 2:
            raise InvalidConfiguration("it is not two names of fields", option="basic", remedy="Write for example [username, password].")
        if not self._pointers:
            raise InvalidConfiguration("it is missing", option="fields", remedy="Write for example {token: /access_token}.")
        for option, pointer in (*((("fields." + field), each) for field, each in self._pointers.items()), *self._ends.items()):
            if not pointer.startswith("/") or pointer.count("/") > _LONGEST_POINTER:
                raise InvalidConfiguration("it is no JSON pointer", option=option, remedy="Write for example /data/token (RFC 6901).")

    def _build_headers(self, fields: Mapping[str, Secret], texts: Mapping[str, str]) -> Dict[str, str]:
        headers = {str(name): self._fill(str(value), texts) for name, value in (self._settings.get("headers") or {}).items()}
        if self._settings.get("basic"):
            line = build_basic_header(*(self._find(name, fields) for name in self._settings["basic"]))
            headers["Authorization"] = line.expose().decode("latin-1").partition(": ")[2]
        return headers

    def _fill(self, part: Any, texts: Mapping[str, str]) -> Any:
        """Return a part of the request with the values of fields in their places. Names of members are left as they are."""
        if isinstance(part, str):
            return _PLACEHOLDER.sub(lambda found: self._find(found.group(1), texts), part)
        if isinstance(part, dict):
            return {str(name): self._fill(value, texts) for name, value in part.items()}
        return [self._fill(value, texts) for value in part] if isinstance(part, list) else part

    def _find(self, name: str, there: Mapping[str, Any]) -> Any:
        if name not in there:
            self.refuse("needs the field {0}, which has no value".format(ascii(name)))
        return there[name]

    def _read_response(self, response: HttpResponse) -> Mapping[str, Any]:
        try:
            found = read_unicode_json(response.body)
        except ValueError:
            self.refuse_answer("is no JSON (status {0})".format(response.status))
        fields = {field: find_in(found, pointer) for field, pointer in self._pointers.items()}
        missing = sorted(field for field, value in fields.items() if value is None)
        if missing:
            self.refuse_answer("has nothing at the place of {0}".format(", ".join(missing)))
        return {"fields": fields, **{part: find_in(found, pointer) for part, pointer in self._ends.items()}}


def find_in(data: Any, pointer: str) -> Any:
    """Return what a JSON pointer refers to (RFC 6901); None if there is nothing."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(data, dict):
            data = data.get(name)
        elif isinstance(data, list) and name.isascii() and name.isdigit() and len(name) < 6 and int(name) < len(data):
            data = data[int(name)]
        else:
            return None
    return data
