# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects of AWX's API (version 2) that a collection makes there, as AWX 24.6 keeps them.

It is strict: an unknown field, filter, reference or association is refused, a credential is checked against its type, an injector
and a recurrence rule as AWX checks them. Not modelled: users' rights, and everything that runs a job.

with awx.running() as controller: …
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import re
import secrets
from typing import Any, Dict, Iterator, List, Optional, Tuple
from urllib.parse import parse_qsl, urlsplit

import jinja2
import jinja2.sandbox

from tests.servers import scripted
from tests.servers.awx_objects import ASSOCIATIONS, FIELDS, Field, Refused
from tests.servers.scripted import Answer, Request

PRODUCT = {"X-API-Product-Name": "AWX", "X-API-Product-Version": "24.6.1"}
HIDDEN = "$encrypted$"
_API = "/api/v2/"
_UNIFIED = ("job_templates", "workflow_job_templates", "projects", "workflow_approval_templates")
_FILTERS = ("name", "organization", "type", "identifier", "workflow_job_template", "unified_job_template", "credential_type")
_RULE = re.compile(r"DTSTART;TZID=[A-Za-z_/+-]+:\d{8}T\d{6} RRULE:(?P<parts>[A-Z0-9=;,+-]+)\Z")

Object = Dict[str, Any]


class Controller:
    """One AWX with a user `admin`. `url` is where it is; `changes` are the requests that were not reads."""

    def __init__(self) -> None:
        """Have an organization, an inventory and a project, as a new AWX does."""
        self.url = ""
        self.password = secrets.token_urlsafe(16)
        self.changes: List[Tuple[str, str]] = []
        self.objects: Dict[str, Dict[int, Object]] = {kind: {} for kind in FIELDS}
        self.associated: Dict[Tuple[str, int, str], List[int]] = {}
        self._surveys: Dict[int, Object] = {}
        self._tokens: Dict[int, str] = {}
        self._ids = itertools.count(1)
        organization = self.make("organizations", {"name": "Default"})["id"]
        self.make("inventories", {"name": "Demo Inventory", "organization": organization})
        self.make("projects", {"name": "credentials", "organization": organization})

    def find(self, kind: str, name: str) -> Object:
        """Return the object of that name."""
        return next(each for each in self.objects[kind].values() if each.get("name", each.get("identifier")) == name)

    def read_survey(self, name: str) -> Object:
        """Return the survey of a job template."""
        return self._surveys[self.find("job_templates", name)["id"]]

    # HTTP.

    def answer(self, request: Request) -> Answer:
        """Carry a request out."""
        split = urlsplit(request.path)
        try:
            status, content = self._route(request, split.path, dict(parse_qsl(split.query, keep_blank_values=True)))
        except Refused as refused:
            status, content = refused.status, refused.body
        return Answer(status, content, PRODUCT)

    def _route(self, request: Request, path: str, query: Dict[str, str]) -> Tuple[int, Any]:
        if not path.startswith(_API) or not path.endswith("/"):
            raise Refused(404, {"detail": "Not found."})
        parts = path[len(_API) :].strip("/").split("/")
        if parts[0] == "tokens":
            return self._log_in(request, parts)
        if request.headers.get("authorization", "")[7:] not in self._tokens.values():
            raise Refused(401, {"detail": "Authentication credentials were not provided."})
        if request.method != "GET":
            self.changes.append((request.method, path))
        if len(parts) == 1:
            return self._serve_list(request, parts[0], query)
        if len(parts) == 2:
            return self._serve_object(request, parts[0], self._get(parts[0], parts[1]))
        return self._serve_part(request, parts[0], self._get(parts[0], parts[1]), parts[2])

    def _log_in(self, request: Request, parts: List[str]) -> Tuple[int, Any]:
        wanted = "Basic " + base64.b64encode("admin:{0}".format(self.password).encode()).decode()
        if request.headers.get("authorization") != wanted:
            raise Refused(401, {"detail": "Invalid username/password."})
        if request.method == "DELETE":
            self._tokens.pop(int(parts[1]))
            return 204, b""
        number = next(self._ids)
        self._tokens[number] = secrets.token_urlsafe(16)
        return 201, {"id": number, "token": self._tokens[number]}

    def _serve_list(self, request: Request, kind: str, query: Dict[str, str]) -> Tuple[int, Any]:
        if request.method == "POST":
            return 201, self._show(kind, self.make(kind, request.json))
        kinds = _UNIFIED if kind == "unified_job_templates" else (kind,)
        if not set(kinds) <= set(FIELDS):
            raise Refused(404, {"detail": "Not found."})
        found = [self._show(each, item) for each in kinds for item in self.objects[each].values()]
        return 200, _page([item for item in found if _matches(item, query)])

    def _serve_object(self, request: Request, kind: str, item: Object) -> Tuple[int, Any]:
        if request.method == "PATCH":
            self._fill(kind, item, request.json)
        elif request.method != "GET":
            raise Refused(405, {"detail": "Method not allowed."})
        return 200, self._show(kind, item)

    def _serve_part(self, request: Request, kind: str, item: Object, part: str) -> Tuple[int, Any]:
        if part == "survey_spec" and kind == "job_templates":
            return self._serve_survey(request, item)
        if part == "create_approval_template" and kind == "workflow_job_template_nodes":
            own = {name: request.json[name] for name in ("name", "description", "timeout") if name in request.json}
            made = self.make("workflow_approval_templates", own)
            item["unified_job_template"] = made["id"]
            return 201, self._show("workflow_approval_templates", made)
        if part not in ASSOCIATIONS.get(kind, {}):
            raise Refused(404, {"detail": "Not found."})
        target, place = ASSOCIATIONS[kind][part], self.associated.setdefault((kind, item["id"], part), [])
        if request.method == "GET":
            return 200, _page([self._show(target, self.objects[target][number]) for number in place])
        number = self._get(target, str(request.json["id"]))["id"]
        place.remove(number) if request.json.get("disassociate") else place.append(number)
        return 204, b""

    def _serve_survey(self, request: Request, item: Object) -> Tuple[int, Any]:
        if request.method == "POST":
            _check_survey(request.json)
            self._surveys[item["id"]] = request.json
            return 200, {}
        return 200, self._surveys.get(item["id"], {})

    # Objects.

    def make(self, kind: str, content: Object) -> Object:
        """Make an object, checked as a request for it is."""
        if kind not in FIELDS:
            raise Refused(404, {"detail": "Not found."})
        item: Object = {"id": next(self._ids)}
        self._fill(kind, item, content)
        missing = [name for name, field in FIELDS[kind].items() if field.required and name not in item]
        if missing:
            raise Refused(400, {missing[0]: ["This field is required."]})
        self.objects[kind][item["id"]] = item
        return item

    def _fill(self, kind: str, item: Object, content: Object) -> None:
        content = {name: value for name, value in content.items() if (name, value) != ("type", kind[:-1])}
        for name, value in content.items():
            if name not in FIELDS[kind]:
                raise Refused(400, {name: ["There is no such field."]})
            self._check(name, FIELDS[kind][name], value)
        new = {**item, **content}
        if kind == "credentials":
            self._check_inputs(new)
        if kind == "credential_types":
            _check_injectors(new)
        if kind == "schedules" and not _is_rule(new.get("rrule", "")):
            raise Refused(400, {"rrule": ["Valid DTSTART required in rrule."]})
        if kind == "job_templates" and new.get("inventory") is None:
            raise Refused(400, {"inventory": ["Job Template must provide 'inventory' or allow prompting for it."]})
        item.update(new)

    def _check(self, name: str, field: Field, value: Any) -> None:
        if field.refers_to and not any(value in self.objects[kind] for kind in field.refers_to):
            raise Refused(400, {name: ['Invalid pk "{0}" - object does not exist.'.format(value)]})
        if field.type is not None and not isinstance(value, field.type):
            raise Refused(400, {name: ["Not a valid value."]})
        if field.choices and value not in field.choices:
            raise Refused(400, {name: ['"{0}" is not a valid choice.'.format(value)]})

    def _check_inputs(self, credential: Object) -> None:
        inputs = self.objects["credential_types"][credential["credential_type"]]["inputs"]
        known = [field["id"] for field in inputs["fields"]]
        unknown = sorted(set(credential["inputs"]) - set(known))
        missing = sorted(set(inputs.get("required", ())) - set(credential["inputs"]))
        if unknown or missing:
            raise Refused(400, {"inputs": ["Additional or missing properties: {0}".format(", ".join(unknown + missing))]})

    def _show(self, kind: str, item: Object) -> Object:
        url = "{0}{1}/{2}/".format(_API, kind, item["id"])
        related = {"survey_spec": url + "survey_spec/"} if kind == "job_templates" else {}
        template = item.get("unified_job_template")
        if template is not None:
            of = next(each for each in _UNIFIED if template in self.objects[each])
            related["unified_job_template"] = "{0}{1}/{2}/".format(_API, of, template)
        shown = {**item, "type": kind[:-1], "url": url, "related": related}
        if kind == "credentials":
            fields = self.objects["credential_types"][item["credential_type"]]["inputs"]["fields"]
            hidden = {field["id"] for field in fields if field.get("secret")}
            shown["inputs"] = {name: HIDDEN if name in hidden else value for name, value in item["inputs"].items()}
        return shown

    def _get(self, kind: str, number: str) -> Object:
        found: Optional[Object] = self.objects.get(kind, {}).get(int(number)) if number.isdigit() else None
        if found is None:
            raise Refused(404, {"detail": "Not found."})
        return found


def _page(found: List[Object]) -> Object:
    return {"count": len(found), "next": None, "previous": None, "results": found}


def _matches(item: Object, query: Dict[str, str]) -> bool:
    unknown = sorted(set(query) - {*_FILTERS, "or__id", "or__name"})
    if unknown:
        raise Refused(400, {"detail": "There is no field {0}.".format(unknown[0])})
    either = {name: value for name, value in query.items() if name.startswith("or__")}
    plain = {name: value for name, value in query.items() if name not in either and value not in ("", "None")}
    both = all(str(item.get(name)) == value for name, value in plain.items())
    return both and (not either or any(str(item.get(name[4:])) == value for name, value in either.items()))


def _check_injectors(kind: Object) -> None:
    """Check as AWX does: templates refer to fields of the type or to its files, and no variable is Ansible's own."""
    inputs, injectors = kind.get("inputs", {}), kind.get("injectors", {})
    for field in inputs.get("fields", ()):
        if not {"id", "label"} <= set(field) or set(field) - {
            "id",
            "label",
            "type",
            "secret",
            "multiline",
            "help_text",
            "choices",
            "default",
        }:
            raise Refused(400, {"inputs": ["'{0}' is not valid".format(field)]})
    names = {field["id"]: "x" for field in inputs.get("fields", ())}
    files = {name.partition(".")[2]: "/path" for name in injectors.get("file", {})}
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
    if set(injectors) - {"file", "env", "extra_vars"} or any(name.startswith("ANSIBLE_") for name in injectors.get("env", {})):
        raise Refused(400, {"injectors": ["Environment variable {0} is not allowed.".format(sorted(injectors.get("env", {})))]})
    for text in [text for part in injectors.values() for text in part.values()]:
        try:
            environment.from_string(text).render(tower={"filename": files}, **names)
        except jinja2.TemplateError as error:
            raise Refused(400, {"injectors": [str(error)]}) from None


def _check_survey(spec: Object) -> None:
    """Check as AWX does: the three parts, and of each question its type, its variable and its default among the choices."""
    if set(spec) != {"name", "description", "spec"} or not spec["spec"]:
        raise Refused(400, {"error": "Survey spec must have a name, a description and questions."})
    for item in spec["spec"]:
        if not {"type", "question_name", "variable", "required"} <= set(item):
            raise Refused(400, {"error": "A survey question lacks a part."})
        if item["type"] == "multiplechoice" and item.get("default") not in item.get("choices", ()):
            raise Refused(400, {"error": "Default choice must be answered from the choices listed."})


def _is_rule(rule: str) -> bool:
    found = _RULE.match(rule)
    return found is not None and "FREQ=" in found["parts"] and "INTERVAL=" in found["parts"] and "FREQ=SECONDLY" not in found["parts"]


@contextlib.contextmanager
def running() -> Iterator[Controller]:
    """Yield a running one."""
    controller = Controller()
    with scripted.running(controller.answer) as server:
        controller.url = server.url
        yield controller
