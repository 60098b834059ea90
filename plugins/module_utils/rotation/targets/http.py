# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An HTTP API as a target, described request by request: one that sets a value, one that tries it, one that drops it.

The requests are sent by the controller. A value is in the content, in a header or in a login of the scheme Basic, never in an address.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpResponse
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls, build_context
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import controller_requests, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    DUAL,
    MULTI,
    NATIVE,
    OURS,
    OVERLAP_NONE,
    REAPPLY,
    SERVICE,
    Held,
    Made,
    Modules,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.controller_requests import CLIENT_ERRORS, SUCCESS
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.http_options import OPTIONS
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.http_request import DescribedRequest, Known, fill
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.response_content import (
    find_part,
    find_text,
    read_content,
    read_time,
)

MAX_TIME_LIMIT = 240
_ASK_LIMIT = 2
"""Few probes: many services lock an account after a few refused logins."""
_LATE = 30
"""Seconds that a service works on at the least after the connection was cut."""
_METHODS: Mapping[str, str] = {"apply": "PUT", "make": "POST", "probe": "GET", "retire": "DELETE", "list": "GET"}
"""The methods of requests that name none."""
_GONE = (*SUCCESS, 404, 410)
_FURTHER: Mapping[str, Tuple[str, ...]] = {"make": ("value", "id", "fields"), "list": ("items", "id", "mark", "created")}
"""The parts that only some requests have: where the response holds what."""
_OF_MAKE = ("list", "id_field", "slots", "sole_owner")
_USUAL_SLOTS = 2


class Http(Target):
    """An account, or a key, of an HTTP API."""

    kind = "http"
    summary = "V(http) changes a value by an HTTP API, whose requests you describe."
    about = (
        (
            "The requests by which the API takes, tries and drops a value. The controller sends them, by TLS 1.2 or later, and follows no"
            " redirect to another host. None is repeated."
        ),
        (
            "Each request is a mapping of C(method), C(path) (after O(http.url)), C(headers), C(basic) (C(username) and C(password)),"
            " C(bearer), one of C(json), C(form) and C(body), and the statuses C(done) and C(refused). Every other status means that the"
            " outcome is not known."
        ),
        (
            "Texts have placeholders: C($(value)) for the value, C($(field.username)) for a field, C($(admin.password)) for a field of"
            " O(http.admin_credential), C($(id)) for the id of a value that the service made. C($$(…)) is not one. In a path, only"
            " C($(field.username)), C($(id)) and C($(mark)) are allowed."
        ),
        "What is written here is shown and kept in logs. Put no secret into it: use placeholders.",
    )
    options = OPTIONS
    requires = (controller_requests.REQUESTS,)

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self._options = options
        self._current = current

    @property
    def traits(self) -> TargetTraits:
        makes, limit = bool(self._options.get("make")), self._options["time_limit"]
        overlap = MULTI if makes else self._options["overlap"]
        marks = makes and bool((self._options.get("list") or {}).get("mark"))
        return TargetTraits(
            overlap=overlap,
            rollback=REAPPLY if overlap == OVERLAP_NONE else NATIVE,
            probe="the request `probe` accepts the new value, and not a random wrong one",
            max_request_life=self._options.get("max_request_life") or limit + 60,
            apply_limit=limit + 10,
            ask_limit=_ASK_LIMIT,
            maker=SERVICE if makes else OURS,
            slots=(self._options.get("slots") or _USUAL_SLOTS) if makes else (1 if overlap == OVERLAP_NONE else 2),
            marks=marks,
            sole_owner=makes and bool(self._options.get("sole_owner")),
            propagation=self._options["propagation"],
        )

    def check(self) -> None:
        remedy = "Use https, or also write 'allow_plain_http: true'."
        controller_requests.check_url("http.url", str(self._options["url"]), remedy, allow_plain=self._options["allow_plain_http"])
        limit, life = self._options["time_limit"], self._options.get("max_request_life")
        if not 1 <= limit <= MAX_TIME_LIMIT:
            raise _invalid("time_limit", "it is not between 1 and {}".format(MAX_TIME_LIMIT), "Give seconds.")
        if life is not None and life < limit + _LATE:
            what = "it is shorter than time_limit and {} seconds".format(_LATE)
            raise _invalid("max_request_life", what, "Leave it out, or give at least {} seconds.".format(limit + _LATE))
        if not 0 <= self._options["propagation"] <= MAX_TIME_LIMIT:
            raise _invalid("propagation", "it is not between 0 and {}".format(MAX_TIME_LIMIT), "Give seconds.")
        self._check_together()
        for name in _METHODS:
            if self._options.get(name) is not None:
                self._request(name).check(self._placeholders_of(name), _FURTHER.get(name, ()))
        self._check_shared()
        build_context(self._tls())

    def _check_together(self) -> None:
        """Check that the requests fit each other.

        Raises:
            InvalidInput: one is missing, or has no meaning.
        """
        makes = bool(self._options.get("make"))
        if makes == bool(self._options.get("apply")):
            raise _invalid("apply", "one of 'apply' and 'make' is needed", "'apply' sends a value, with 'make' the service makes it.")
        if makes and self._options["overlap"] != OVERLAP_NONE:
            raise _invalid("overlap", "a service that makes values accepts several", "Leave it out, and give 'slots'.")
        drops = makes or self._options["overlap"] == DUAL
        if drops != bool(self._options.get("retire")):
            what = "the old value must be dropped" if drops else "with 'overlap: none' no value is dropped"
            raise _invalid("retire", what, "Give the request that drops a value." if drops else "Leave it out, or write 'overlap: dual'.")
        for name in _OF_MAKE:
            if not makes and self._options.get(name):
                raise _invalid(name, "it is used only with 'make'", "Leave it out.")
        if makes:
            self._check_made()

    def _check_made(self) -> None:
        made, listed = self._options["make"], self._options.get("list") or {}
        missing = [("make." + name, made) for name in ("value", "id") if not made.get(name)]
        missing += [("list." + name, listed) for name in ("path", "id") if not listed.get(name)]
        if missing:
            raise _invalid(missing[0][0], "it is missing", "Say where the response holds it, for example 'data.key'.")
        if listed.get("mark") and "mark" not in self._request("make").placeholders:
            raise _invalid("make", "it has no '$(mark)', which 'list.mark' looks for", "Send the mark, or leave 'list.mark' out.")
        if self._find_id(self._current) is None:
            what = "the current value has no id there, so it could not be dropped later"
            raise _invalid("id_field", what, "Store the id in a field of the credential, and name that field here.")
        if self._options.get("slots") is not None and not 2 <= self._options["slots"] <= 1000:
            raise _invalid("slots", "it is not between 2 and 1000", "Give how many values the service accepts at once.")

    def _check_shared(self) -> None:
        """Check the headers of all requests, and that a credential that is named is used."""
        shared = self._headers_of_all()
        if not isinstance(shared, Mapping):
            raise _invalid("headers", "it is not a mapping", "Write names and values.")
        DescribedRequest("http.headers", {"path": "/", "headers": shared}, "GET").check(("admin.",))
        used = {name for each in _METHODS if self._options.get(each) for name in self._request(each).placeholders}
        used.update(DescribedRequest("http.headers", {"path": "/", "headers": shared}, "GET").placeholders)
        admin = self._options.get("admin_credential")
        asked = sorted(name.partition(".")[2] for name in used if name.startswith("admin."))
        if admin is None and asked:
            raise _invalid("admin_credential", "it is missing, and '$(admin.{0})' needs it".format(asked[0]), "Name the credential.")
        given = () if admin is None else tuple(admin)
        if admin is not None and not asked:
            raise _invalid("admin_credential", "no request uses it", "Leave it out, or write '$(admin.password)' where it is used.")
        for name in asked:
            if name not in given:
                raise _invalid("admin_credential", "it has no field '{0}'".format(name), "It has: {0}.".format(", ".join(sorted(given))))

    def _placeholders_of(self, name: str) -> Sequence[str]:
        if name == "list":
            return ("admin.",)
        if name == "make":
            return ("mark", "field.", "admin.")
        made = ("id",) if self._options.get("make") else ()
        # A value whose response was lost has to be dropped by its id alone.
        return (*made, "admin.") if name == "retire" and made else (*made, "value", "field.", "admin.")

    def describe(self) -> Dict[str, Any]:
        # The request that tries a value identifies the service. The other ones may be corrected while a rotation is open.
        probe = self._request("probe")
        return {"url": self._options["url"], "probe": "{0} {1}".format(probe.method, probe.path)}

    def find_flaw(self, value: Value) -> str:
        try:
            for name in ("apply", "probe"):
                if self._options.get(name) is not None:
                    self._request(name).build(self._headers_of_all(), self._read_known(value))
        except CredentialError as error:
            return error.what
        return ""

    def precheck(self, modules: Modules) -> None:
        """Do nothing: `check` has read the certificates, and the current value is tried next, which shows what is in the way."""

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        return self._change(modules, "apply", self._read_known(value), SUCCESS)

    def retire(self, modules: Modules, value: Value, place: str = "") -> str:
        return self._change(modules, "retire", self._read_known(value), _GONE)

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        request = self._request("probe")
        try:
            response = self._send(modules, request, self._read_known(value))
        except CredentialError as error:
            modules.note(error.what)
            return steps.UNAVAILABLE
        if response.status in request.read_done(SUCCESS):
            return steps.ACCEPTED
        modules.note("the server responded to 'probe' with status {0}".format(response.status))
        return steps.REFUSED if response.status in request.read_refused((401,)) else steps.UNAVAILABLE

    def make(self, modules: Modules, base: Value, mark: str) -> Made:
        request = self._request("make")
        known = {**self._read_known(base), "mark": Secret(mark)}
        try:
            response = self._send(modules, request, known)
        except CredentialError as error:
            return Made(controller_requests.read_failed_change(modules, error))
        outcome = controller_requests.read_status(modules, response, request.read_done(SUCCESS), request.read_refused(CLIENT_ERRORS))
        if outcome != steps.APPLIED:
            return Made(outcome)
        content, paths = read_content(response), {base.primary: request.read_part("value"), **(request.read_part("fields") or {})}
        texts = {name: find_text(content, str(path)) for name, path in paths.items()}
        identifier = find_text(content, str(request.read_part("id")))
        if identifier is None or any(text is None for text in texts.values()):
            modules.note("the response to 'make' does not hold the value and its id where they are described")
            return Made(steps.UNKNOWN)
        texts.update({self._options["id_field"]: identifier} if self._options.get("id_field") else {})
        fields = {name: Secret(text) for name, text in texts.items() if text is not None}
        return Made(steps.APPLIED, Value(fields, {steps.ID: identifier}, base.primary))

    def list_held(self, modules: Modules) -> Optional[Dict[str, Held]]:
        request = self._request("list")
        try:
            response = self._send(modules, request, self._read_known(Value({})))
        except CredentialError as error:
            modules.note(error.what)
            return None
        items = find_part(read_content(response), str(request.read_part("items") or ""))
        if response.status not in request.read_done(SUCCESS) or not isinstance(items, list):
            modules.note("the server responded to 'list' with status {0}, without the list".format(response.status))
            return None
        held = {find_text(item, str(request.read_part("id"))): self._read_held(request, item) for item in items}
        return None if None in held else {str(identifier): each for identifier, each in held.items()}

    def _read_held(self, request: DescribedRequest, item: Any) -> Held:
        mark, created = (request.read_part(name) for name in ("mark", "created"))
        return Held((find_text(item, str(mark)) if mark else None) or "", read_time(find_part(item, str(created))) if created else None)

    def _change(self, modules: Modules, name: str, known: Known, done: Sequence[int]) -> str:
        request = self._request(name)
        try:
            response = self._send(modules, request, known)
        except CredentialError as error:
            return controller_requests.read_failed_change(modules, error)
        return controller_requests.read_status(modules, response, request.read_done(done), request.read_refused(CLIENT_ERRORS))

    def _send(self, modules: Modules, request: DescribedRequest, known: Known) -> HttpResponse:
        content = request.build(self._headers_of_all(), known)
        url = str(self._options["url"]).rstrip("/") + fill(request.path, known, encode=True)
        limits = {"limit": self._options["time_limit"], "allow_plain": self._options["allow_plain_http"]}
        return controller_requests.send(modules, self._tls(), request.method, url, **limits, **content)

    def _find_id(self, value: Value) -> Optional[Secret]:
        """Return the id of a value at the service: of a value that it made, or from the field that holds it. None if it has none."""
        stored = value.fields.get(self._options.get("id_field") or "")
        return Secret(value.identity[steps.ID]) if steps.ID in value.identity else stored

    def _request(self, name: str) -> DescribedRequest:
        return DescribedRequest("http." + name, self._options[name], _METHODS[name])

    def _headers_of_all(self) -> Any:
        return self._options.get("headers") or {}

    def _tls(self) -> Tls:
        files = {name: self._options.get(name) for name in ("ca_cert", "client_cert", "client_key")}
        return Tls(ca_file=files["ca_cert"], client_cert=files["client_cert"], client_key=files["client_key"])

    def _read_known(self, value: Value) -> Dict[str, Secret]:
        """Return the values of the placeholders. Without the administrator's credential, which only acting has, its fields are empty."""
        known = {"field." + name: field for name, field in value.fields.items()}
        if value.primary in value.fields:
            known["value"] = value.fields[value.primary]
        identifier = self._find_id(value)
        if identifier is not None:
            known["id"] = identifier
        admin = self._options.get("admin_credential")
        if admin is not None:
            return {**known, **{"admin." + name: field for name, field in admin.items()}}
        asked = {name for each in _METHODS if self._options.get(each) for name in self._request(each).placeholders}
        asked.update(DescribedRequest("", {"headers": self._headers_of_all()}, "GET").placeholders)
        return {**known, **{name: Secret("") for name in asked if name.startswith("admin.")}}


def _invalid(option: str, what: str, remedy: str) -> InvalidInput:
    return InvalidInput(what, option="http." + option, remedy=remedy)
