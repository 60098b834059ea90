# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes manifests: each Secret is an entry. Objects of other kinds are left out.

A Secret with one key has a value, one with several has fields, by their keys. Its name is `<namespace>/<name>`, or its name alone if the
manifest states no namespace.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import (
    Value,
    as_text,
    decode_base64,
    make_distinct,
    read_text,
    refuse,
    show,
    take_list,
    take_object,
    take_text,
)
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.adoption.manifests import Unquoted, read_documents

OPTIONS: Mapping[str, Mapping[str, Any]] = {}
_REMEDY = "Write it as 'kubectl get secret --output yaml' does."
_TYPES = {"Opaque": "", "kubernetes.io/basic-auth": "basic", "kubernetes.io/ssh-auth": "ssh_key"}
"""What types are here. Others are passed on as they are; an opaque Secret states nothing."""
_LISTS = ("List", "SecretList")


def read(path: str, options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the Secrets of a manifest.

    Args:
        path: the file, YAML or JSON, with one or several documents.
        options: none.

    Raises:
        InvalidInput: it is no manifest, or a Secret in it is not valid. The message names the document and the key.
        CredentialError: the file cannot be read.
    """
    return make_distinct(path, ((_read_secret(path, secret, place), "") for secret, place in _find_secrets(path)), options)


def _find_secrets(path: str) -> Iterator[Tuple[Mapping[str, Any], str]]:
    """Yield each Secret and its place."""
    for number, document in enumerate(read_documents(path, read_text(path)), 1):
        place = "document {0}".format(number)
        kind = _read_kind(path, document, place)
        if kind == "Secret":
            yield document, place
        elif kind in _LISTS:
            yield from _find_in_list(path, document, place, kind)


def _find_in_list(path: str, document: Mapping[str, Any], place: str, kind: str) -> Iterator[Tuple[Mapping[str, Any], str]]:
    for index, item in enumerate(take_list(path, document.get("items"), place + ", items", _REMEDY)):
        within = "{0}, items[{1}]".format(place, index)
        if kind == "SecretList" and isinstance(item, dict) and "kind" not in item:
            yield item, within
            continue
        found = _read_kind(path, item, within)
        if found in _LISTS:
            refuse(path, within, "a list in a list", "Write the objects of the inner list beside the others.")
        if found == "Secret":
            yield item, within


def _read_kind(path: str, document: Any, place: str) -> str:
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str) or not isinstance(document.get("apiVersion"), str):
        refuse(path, place, "it is no manifest: it has no 'apiVersion' and 'kind'", "Name a file of Kubernetes objects.")
    if "sops" in document:
        refuse(path, place, "SOPS has encrypted it", "Decrypt it with 'sops decrypt', and name the result.")
    return str(document["kind"])


def _read_secret(path: str, secret: Mapping[str, Any], place: str) -> Any:
    metadata = take_object(path, secret.get("metadata"), place + ", metadata", _REMEDY)
    name = take_text(path, metadata.get("name"), place + ", metadata.name", _REMEDY)
    namespace = take_text(path, metadata.get("namespace"), place + ", metadata.namespace", _REMEDY)
    if not name:
        refuse(path, place, "a Secret without a name", _REMEDY)
    stated = take_text(path, secret.get("type"), place + ", type", _REMEDY)
    values = {**_read_data(path, secret, place), **_read_string_data(path, secret, place)}
    full = "{0}/{1}".format(namespace, name) if namespace else name
    origin = "{0}, {1}".format(path, place)
    if len(values) == 1:
        part, value = next(iter(values.values()))
        return Found(full, value, {}, "{0}, {1}".format(origin, show(part)), type=_TYPES.get(stated, stated) or None)
    fields = {key: value for key, (_part, value) in values.items()}
    return Found(full, None, fields, origin, type=_TYPES.get(stated, stated) or None) if fields else None


def _read_data(path: str, secret: Mapping[str, Any], place: str) -> Dict[str, Tuple[str, Value]]:
    found: Dict[str, Tuple[str, Value]] = {}
    for key, value in take_object(path, secret.get("data"), place + ", data", _REMEDY).items():
        part = "data.{0}".format(key)
        within = "{0}, {1}".format(place, show(part))
        text = _take_value(path, value, within)
        found[key] = part, as_text(decode_base64(path, text, within))
    return found


def _read_string_data(path: str, secret: Mapping[str, Any], place: str) -> Dict[str, Tuple[str, Value]]:
    """Read `stringData`, whose keys replace those of `data`, as the server does it."""
    found: Dict[str, Tuple[str, Value]] = {}
    for key, value in take_object(path, secret.get("stringData"), place + ", stringData", _REMEDY).items():
        part = "stringData.{0}".format(key)
        found[key] = part, _take_value(path, value, "{0}, {1}".format(place, show(part)))
    return found


def _take_value(path: str, value: Any, place: str) -> str:
    if isinstance(value, Unquoted):
        refuse(path, place, "it is a number, a date or a truth value, not text", "Put it in quotes: a server takes text alone.")
    return take_text(path, value, place, _REMEDY)
