# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contents of the files of a `deploy` task: rendered on the controller, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError, AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.deploy import (
    CREDENTIAL,
    PEM,
    PKCS12,
    SYSTEMD,
    TEMPLATE,
    VALUES,
    choose_format,
)
from ansible_collections.nebula.credential.plugins.module_utils.encoding.file_formats import DOTENV, FORMATS, name_variable, write_values
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, InvalidToken
from ansible_collections.nebula.credential.plugins.plugin_utils.action.sent_values import Answer, Source, parse_value
from ansible_collections.nebula.credential.plugins.plugin_utils.session.reads import list_reads, list_versions

_PEM_FIELDS = ("bundle", "private_key", "certificate")
"""What a file of the format `pem` has: the key and the certificates of a certificate, or a key that has none."""
_MADE_ANEW = ("pkcs12", "jks")
"""Fields that are encrypted anew each time they are read."""
_UNDEFINED = re.compile(r"'\w+' is undefined\Z")
_CODE = re.compile(r" \[code: \w+\]\Z")


@dataclass(frozen=True)
class Content:
    """The content of a file.

    Attributes:
        value: the bytes.
        versions: the versions of the credentials in it, by name.
        fields: the names of their fields that are known to be in it.
        digest: of what it is made, if it is made differently each time; else None. As secret as the value.
    """

    value: bytes = field(repr=False)
    versions: Mapping[str, str]
    fields: Mapping[str, Sequence[str]]
    digest: str | None = field(default=None, repr=False)


def list_sources(file: Mapping[str, Any], place: str) -> list[Source]:
    """Return what is read for a file, in the order in which `build_content` gets the answers.

    Raises:
        InvalidInput: a value of `values` is neither text nor names a credential.
    """
    if file.get(CREDENTIAL) is not None:
        return [_choose_source(file)]
    return [value for value in _parse_values(file, place).values() if isinstance(value, Source)]


def _choose_source(file: Mapping[str, Any]) -> Source:
    kind, name, version, chosen = choose_format(file), file[CREDENTIAL], file.get("version"), file.get("field")
    if kind in FORMATS:
        return Source(name, version, tuple(file["fields"]) if file.get("fields") else True)
    if chosen is None and kind == PEM:
        return Source(name, version, first_of=_PEM_FIELDS)
    return Source(name, version, (PKCS12,) if chosen is None and kind == PKCS12 else (chosen,) if chosen else ())


def _parse_values(file: Mapping[str, Any], place: str) -> dict[str, str | Source]:
    prefix = "{0}.{1}".format(place, VALUES) if place else VALUES
    return {str(name): parse_value(value, "{0}.{1}".format(prefix, name)) for name, value in (file.get(VALUES) or {}).items()}


def build_content(file: Mapping[str, Any], place: str, answers: Iterator[Answer], renderer: Renderer) -> Content:
    """Return the content of a file. Takes its answers from the iterator.

    Raises:
        InvalidInput: the format cannot hold a value, or the template cannot be rendered.
        InvalidToken: a value is not of the form that the format needs.
    """
    kind = choose_format(file)
    if file.get(TEMPLATE) is not None:
        return renderer.render(file[TEMPLATE], is_anew=kind == SYSTEMD)
    if file.get(VALUES) is not None:
        return _build_values(file, _parse_values(file, place), answers)
    answer = next(answers)
    versions, fields = {answer.name: answer.version}, {answer.name: tuple(answer.fields)}
    if kind in FORMATS:
        named = _name_fields(answer) if kind == DOTENV else {name: answer.read_text(name) for name in answer.fields}
        return Content(write_values(kind, named, file.get("section")).encode("utf-8"), versions, fields)
    is_anew = kind == SYSTEMD or bool(set(answer.fields) & set(_MADE_ANEW))
    value = _check_pem(answer) if kind == PEM else answer.value
    return Content(value, versions, fields, answer.digest if is_anew else None)


def _name_fields(answer: Answer) -> dict[str, str]:
    """Return the fields by their variables. Raises InvalidInput if two have one: the file would lack a value."""
    named: dict[str, str] = {}
    for name in answer.fields:
        variable = name_variable(name)
        if variable in named:
            remedy = "Name the variables in 'values', or choose some of the fields in 'fields'."
            raise InvalidInput("two fields have the variable {0}".format(variable), option="format", name=answer.name, remedy=remedy)
        named[variable] = answer.read_text(name)
    return named


def _build_values(file: Mapping[str, Any], values: Mapping[str, str | Source], answers: Iterator[Answer]) -> Content:
    named: dict[str, str] = {}
    versions: dict[str, str] = {}
    fields: dict[str, list[str]] = {}
    for name, value in values.items():
        if isinstance(value, str):
            named[name] = value
            continue
        answer = next(answers)
        (chosen,) = answer.fields
        named[name] = answer.read_text(chosen)
        versions[answer.name] = answer.version
        fields.setdefault(answer.name, []).append(chosen)
    return Content(write_values(choose_format(file), named, file.get("section")).encode("utf-8"), versions, fields)


def _check_pem(answer: Answer) -> bytes:
    if not answer.value.lstrip().startswith(b"-----BEGIN "):
        remedy = "Leave 'format' out to write the value as it is."
        raise InvalidToken("the value is not in PEM", option="format", name=answer.name, remedy=remedy)
    return answer.value.rstrip() + b"\n"


class Renderer:
    """Renders templates as `ansible.builtin.template` does, with the variables of a task."""

    def __init__(self, action: ActionBase, variables: Mapping[str, Any]) -> None:
        """Take the task's action and its variables."""
        self._action = action
        self._variables = {**variables, "ansible_search_path": action._task.get_search_path()}

    def render(self, path: str, *, is_anew: bool) -> Content:
        """Render the file of that path below `templates`. The versions are those that its lookups have read.

        Raises:
            InvalidInput: it is not there, or cannot be rendered. The error quotes nothing that may hold a value.
        """
        before = list_reads()
        action = self._action
        lookup = action._shared_loader_obj.lookup_loader.get("ansible.builtin.template", loader=action._loader, templar=action._templar)
        try:
            (text,) = lookup.run([path], variables=dict(self._variables))
        except Exception as error:  # noqa: BLE001  # its text may quote a value
            raise _rendering_error(path, error) from None
        value = str(text).encode("utf-8")
        reads = [read for read in list_reads() if not any(read is earlier for earlier in before)]
        return Content(value, list_versions(reads), {}, value.hex() if is_anew else None)


def _rendering_error(path: str, error: Exception) -> CredentialError:
    """Return the error for a template. It quotes the message of a lookup of ours, and the name of a variable that is missing."""
    what = "the template {0} cannot be rendered".format(ascii(path))
    each: BaseException | None = error
    while each is not None:
        text = str(getattr(each, "message", each))
        if isinstance(each, AnsibleLookupError) and _CODE.search(text):
            return InvalidInput("{0}: {1}".format(what, text.rpartition(" [code: ")[0]), option=TEMPLATE)
        if isinstance(each, AnsibleUndefinedVariable) and _UNDEFINED.match(text):
            return InvalidInput("{0}: {1}".format(what, text), option=TEMPLATE, remedy="Set the variable.")
        each = each.__cause__
    kind = "it is not there, or not readable" if isinstance(error, AnsibleError) and error.__cause__ is None else type(error).__name__
    remedy = "Render it with the lookup ansible.builtin.template: its own error is not shown here, because it may quote a value."
    return InvalidInput("{0} ({1})".format(what, kind), option=TEMPLATE, remedy=remedy)
