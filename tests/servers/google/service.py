# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gRPC service: generic handlers with the client's own message types, since the client's package has no servicer."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional
from urllib.parse import quote

import grpc
from google.cloud.secretmanager_v1 import types
from google.iam.v1 import iam_policy_pb2
from google.protobuf import any_pb2, duration_pb2, empty_pb2
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from tests.servers.google.access import PERMISSIONS, Access, Faults
from tests.servers.google.model import Model, Refusal, find_resource, require

SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"
THREADS = 80


class Log:
    """Writes a line of JSON for each request. No line has a value or a token."""

    def __init__(self, path: Path) -> None:
        """Open the file."""
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()

    def write(self, **entry: Any) -> None:
        """Write one line."""
        with self._lock:
            self._file.write(json.dumps(entry) + "\n")


class Service:
    """Checks and answers the calls that come to one endpoint: the global one, or that of a location."""

    def __init__(self, model: Model, access: Access, faults: Faults, log: Log, location: Optional[str]) -> None:
        """Take what is shared with the other endpoints."""
        self._model = model
        self._access = access
        self._faults = faults
        self._log = log
        self._location = location

    def handlers(self) -> Any:
        """The handlers of all methods."""
        found: Dict[str, Any] = {}
        for method in PERMISSIONS:
            name = "".join(part.capitalize() for part in method.split("_"))
            request = getattr(types, name + "Request")
            serialize = _serialize_empty if method == "delete_secret" else _serialize
            found[name] = grpc.unary_unary_rpc_method_handler(
                self._handle(method), request_deserializer=request.deserialize, response_serializer=serialize
            )
        found["TestIamPermissions"] = grpc.unary_unary_rpc_method_handler(
            self._handle("test_iam_permissions"),
            request_deserializer=iam_policy_pb2.TestIamPermissionsRequest.FromString,
            response_serializer=iam_policy_pb2.TestIamPermissionsResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(SERVICE, found)

    def _handle(self, method: str) -> Callable[[Any, Any], Any]:
        def answer(request: Any, context: Any) -> Any:
            entry: Dict[str, Any] = {"method": method, "resource": _find_name(method, request), "status": "OK"}
            try:
                return self._answer(method, request, dict(context.invocation_metadata()), entry)
            except Refusal as refusal:
                entry["status"] = refusal.code
                _abort(context, refusal)
            finally:
                self._log.write(**entry)

        return answer

    def _answer(self, method: str, request: Any, metadata: Dict[str, str], entry: Dict[str, Any]) -> Any:
        fault = self._faults.take(method)
        if fault and not fault["after"] and not fault["damage"]:
            raise Refusal(fault["code"], "ordered by a test", fault["retry_after"])
        principal = self._access.find_principal(metadata.get("authorization"))
        entry["principal"] = principal
        _check_fields(_find_message(request))
        resource, location = find_resource(entry["resource"])
        require(location == self._location, "The location is not that of this endpoint.")
        require(metadata.get("x-goog-request-params") == _route(method, entry["resource"]), "The routing header does not fit.")
        if method == "test_iam_permissions":
            return self._test_permissions(principal, request)
        self._access.check(principal, "secretmanager." + PERMISSIONS[method], resource)
        done = getattr(self._model, method)(request)
        if fault and fault["damage"]:
            done.payload.data = done.payload.data[:-1] + b"?"
        elif fault:
            raise Refusal(fault["code"], "ordered by a test, after it was done", fault["retry_after"])
        return done

    def _test_permissions(self, principal: str, request: Any) -> Any:
        """Every login may ask what it may do itself. On a secret that is not there that is nothing."""
        allowed = []
        if self._model.has_secret(request.resource):
            allowed = [each for each in request.permissions if self._access.is_allowed(principal, each, request.resource)]
        return iam_policy_pb2.TestIamPermissionsResponse(permissions=allowed)


def start(service: Service, certificate: bytes, key: bytes, port: int) -> Any:
    """Serve on a port of the loopback address, over TLS. Returns the server."""
    server = grpc.server(ThreadPoolExecutor(THREADS), options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers((service.handlers(),))
    server.add_secure_port("127.0.0.1:{0}".format(port), grpc.ssl_server_credentials([(key, certificate)]))
    server.start()
    return server


def _find_name(method: str, request: Any) -> str:
    if method == "update_secret":
        return str(request.secret.name)
    if method == "test_iam_permissions":
        return str(request.resource)
    return str(request.name if hasattr(type(request).pb(request), "name") else request.parent)


def _find_message(request: Any) -> Any:
    """The message itself: the client wraps those of Secret Manager, and not those of IAM."""
    return request if isinstance(request, Message) else type(request).pb(request)


def _route(method: str, name: str) -> str:
    """The header by which Google routes a call: the client makes it from the request."""
    field = {"update_secret": "secret.name", "test_iam_permissions": "resource"}.get(method)
    if field is None:
        field = "parent" if method in ("create_secret", "list_secrets", "add_secret_version", "list_secret_versions") else "name"
    return "{0}={1}".format(field, quote(name, safe="/"))


def _check_fields(message: Any) -> None:
    """Refuse fields that the API does not know, at any depth."""
    require(len(UnknownFieldSet(message)) == 0, "The request has an unknown field.")
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        inner: List[Any] = list(value) if not hasattr(value, "ListFields") else [value]
        for each in inner:
            _check_fields(each)


def _abort(context: Any, refusal: Refusal) -> None:
    code = getattr(grpc.StatusCode, refusal.code)
    status = status_pb2.Status(code=code.value[0], message=refusal.text)
    if refusal.retry_after is not None:
        whole = int(refusal.retry_after)
        info = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=whole, nanos=int((refusal.retry_after - whole) * 1e9)))
        detail = any_pb2.Any()
        detail.Pack(info)
        status.details.append(detail)
    context.abort_with_status(rpc_status.to_status(status))


def _serialize(message: Any) -> bytes:
    return bytes(type(message).serialize(message))


def _serialize_empty(_message: Any) -> bytes:
    return bytes(empty_pb2.Empty().SerializeToString())
