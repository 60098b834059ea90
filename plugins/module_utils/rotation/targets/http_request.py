# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A request that a user describes, with placeholders for values: its checks, and what is sent."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Iterator, Mapping, Sequence, Tuple
from urllib.parse import quote

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, suggest
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.http_forms import build_basic_header

Known = Mapping[str, Secret]
"""The values of placeholders by their names."""

_PLACEHOLDER = re.compile(r"\$(\$?)\(([^()]*)\)")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")  # RFC 9110 section 5.6.2
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
CONTENTS = ("json", "form", "body")
PARTS = ("method", "path", "headers", "basic", "bearer", *CONTENTS, "done", "refused")
_IN_URL = ("id", "mark", "field.username")
"""What may be in a path. Addresses are written into logs, so no secret is."""


def find_placeholders(content: Any) -> Iterator[str]:
    """Yield the names of the placeholders in a text, or in the texts of a structure."""
    if isinstance(content, str):
        yield from (found[2] for found in _PLACEHOLDER.finditer(content) if not found[1])
    for part in _parts_of(content):
        yield from find_placeholders(part)


def _parts_of(content: Any) -> Sequence[Any]:
    if isinstance(content, Mapping):
        return [*content, *content.values()]
    return content if isinstance(content, (list, tuple)) else ()


def fill(text: str, known: Known, encode: bool = False) -> str:
    """Return a text with the values of its placeholders, percent-encoded for a path if `encode` is set.

    Raises:
        InvalidInput: a value is no UTF-8 text, or there is no such value.
    """

    def replace(found: re.Match[str]) -> str:
        if found[1]:
            return found[0][1:]
        text = _read_text(found[2], known)
        return quote(text, safe="") if encode else text

    return _PLACEHOLDER.sub(replace, text)


def _read_text(name: str, known: Known) -> str:
    try:
        return known[name].expose().decode("utf-8")
    except KeyError:
        raise InvalidInput(
            "the credential has no value for '$({0})'".format(name), remedy="Store it, or correct the placeholder."
        ) from None
    except UnicodeDecodeError:
        raise InvalidInput("the value of '$({0})' is no text".format(name), remedy="Only text can be sent.") from None


def fill_all(content: Any, known: Known) -> Any:
    """Return a structure with the values of the placeholders in all its texts."""
    if isinstance(content, str):
        return fill(content, known)
    if isinstance(content, Mapping):
        return {fill(str(name), known): fill_all(part, known) for name, part in content.items()}
    return [fill_all(part, known) for part in content] if isinstance(content, (list, tuple)) else content


class DescribedRequest:
    """One of the requests of a target, as the user describes it."""

    def __init__(self, option: str, described: Mapping[str, Any], method: str) -> None:
        """Set the option's full name for messages, its content, and the method if it names none."""
        self.option = option
        self._described = described
        self.method = str(described.get("method") or method)

    @property
    def path(self) -> str:
        """The path, with its placeholders."""
        return str(self._described["path"])

    @property
    def placeholders(self) -> Tuple[str, ...]:
        """The names of all placeholders."""
        return tuple(find_placeholders({name: self._described.get(name) for name in PARTS}))

    def check(self, allowed: Sequence[str], further: Sequence[str] = ()) -> None:
        """Check the description.

        Args:
            allowed: the placeholders that have a value; with "field." and "admin." at the end of a name, all of that kind have.
            further: the parts that only this request has.

        Raises:
            InvalidInput: a part is missing, unknown or has no meaning there. Names it.
        """
        parts = (*PARTS, *further)
        for name in self._described:
            if name not in parts:
                remedy = "{0}Allowed: {1}.".format(suggest(str(name), parts), ", ".join(parts))
                raise InvalidInput("there is no part {0}".format(ascii(name)), option=self.option, remedy=remedy)
        if self.method not in METHODS:
            raise self._wrong("method", "it is no method that is sent", "Allowed: {0}.".format(", ".join(METHODS)))
        if not str(self._described.get("path") or "").startswith("/"):
            raise self._wrong("path", "it does not begin with '/'", "Give what follows the address of the option 'url'.")
        given = [name for name in CONTENTS if self._described.get(name) is not None]
        if len(given) > 1:
            raise self._wrong(given[1], "it is given together with '{0}'".format(given[0]), "A request has one content.")
        if given and self.method == "GET":
            raise self._wrong(given[0], "a GET has no content", "Leave it out, or give another method.")
        self._check_shapes()
        self._check_placeholders(allowed)

    def _check_shapes(self) -> None:
        for name in ("headers", "form", "basic"):
            if not isinstance(self._described.get(name, {}), Mapping):
                raise self._wrong(name, "it is not a mapping", "Write names and values.")
        basic = self._described.get("basic")
        if basic is not None and (set(basic) != {"username", "password"} or self._described.get("bearer")):
            raise self._wrong("basic", "it is not 'username' and 'password' alone", "Give both, and no 'bearer'.")
        for name in self._described.get("headers") or {}:
            if not _TOKEN.match(str(name)):
                raise self._wrong("headers", "{0} is no name of a header".format(ascii(name)), "Correct it.")
        for name in ("done", "refused"):
            self._read_statuses(name, ())
        both = sorted(set(self.read_done(())) & set(self._read_statuses("refused", ())))
        if both:
            raise self._wrong("refused", "status {0} is in 'done', too".format(both[0]), "Give different ones.")

    def _check_placeholders(self, allowed: Sequence[str]) -> None:
        for name in self.placeholders:
            if name not in allowed and not any(name.startswith(each) for each in allowed if each.endswith(".")):
                remedy = "Known here: {0}. A text that only looks like one is written '$$(…)'.".format(", ".join(allowed))
                raise InvalidInput("there is no placeholder '$({0})'".format(name), option=self.option, remedy=remedy)
        for name in find_placeholders(self.path):
            if name not in _IN_URL:
                what = "'$({0})' would be in the address, which servers and proxies log".format(name)
                raise self._wrong("path", what, "Send it in json, form, body, headers, basic or bearer.")

    def _wrong(self, part: str, what: str, remedy: str) -> InvalidInput:
        return InvalidInput(what, option="{0}.{1}".format(self.option, part), remedy=remedy)

    def _read_statuses(self, name: str, default: Sequence[int]) -> Tuple[int, ...]:
        given = self._described.get(name)
        if given is None:
            return tuple(default)
        try:
            statuses = tuple(int(str(each)) for each in (given if isinstance(given, (list, tuple)) else [given]))
        except ValueError:
            statuses = (0,)
        if not all(100 <= each <= 599 for each in statuses):
            raise self._wrong(name, "it holds what is no status", "Give numbers, for example [200, 204].")
        return statuses

    def read_done(self, default: Sequence[int]) -> Tuple[int, ...]:
        """Return the statuses that mean done, or accepted."""
        return self._read_statuses("done", default)

    def read_refused(self, default: Sequence[int]) -> Tuple[int, ...]:
        """Return the statuses that mean refused. Never one that `done` names."""
        return tuple(status for status in self._read_statuses("refused", default) if status not in self.read_done(()))

    def read_part(self, name: str) -> Any:
        """Return a part of this request alone, or None."""
        return self._described.get(name)

    def build(self, shared_headers: Mapping[str, Any], known: Known) -> Dict[str, Any]:
        """Return the path and what `HttpClient.request` takes beside method and address.

        Raises:
            InvalidInput: a value cannot be sent.
        """
        merged = {**shared_headers, **(self._described.get("headers") or {})}
        headers = {str(name): fill(str(value), known) for name, value in merged.items()}
        basic, bearer = self._described.get("basic"), self._described.get("bearer")
        if basic is not None:
            login = build_basic_header(*(Secret(fill(str(basic[name]), known)) for name in ("username", "password")))
            name, _colon, value = login.expose().decode("ascii").partition(": ")
            headers[name] = value
        if bearer is not None:
            headers["Authorization"] = "Bearer " + fill(str(bearer), known)
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise InvalidInput("a header cannot hold the value", remedy="Send it in json, form, body or basic.")
        return {"headers": headers, **self._build_content(known, headers)}

    def _build_content(self, known: Known, headers: Dict[str, str]) -> Dict[str, Any]:
        if self._described.get("json") is not None:
            # Written here, so that a value that JSON cannot hold is found before a connection is opened.
            headers.setdefault("Content-Type", "application/json")
            return {"body": json.dumps(fill_all(self._described["json"], known)).encode("utf-8")}
        if self._described.get("form") is not None:
            return {"form": {name: str(value) for name, value in fill_all(self._described["form"], known).items()}}
        body = self._described.get("body")
        return {} if body is None else {"body": fill(str(body), known).encode("utf-8")}
