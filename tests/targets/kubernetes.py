# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens of service accounts of a real API server, for the suite of targets. The target reaches the server through a proxy."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import time
from typing import Any, Mapping, Tuple

from tests.servers import once, proxy
from tests.targets.harness import Plain, TargetService

NAMESPACE = "rotated-tokens"
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/".format(NAMESPACE)


class ServiceAccount(TargetService):
    """A service account whose tokens an administrator has made."""

    kind = "kubernetes"
    plays_every_fault = False
    credential_type = "api_key"
    overlaps = True
    makes = True
    audiences: tuple[str, ...] = ()

    def start(self) -> None:
        self.server = once.kubernetes()
        if self.server._send("GET", "/api/v1/namespaces/" + NAMESPACE, None, self.server.token).status_code == 404:
            self.server.namespace(NAMESPACE)
        self._clean_up = contextlib.ExitStack()
        self._between = self._clean_up.enter_context(proxy.running("127.0.0.1", self.server.port))
        suffix = secrets.token_hex(4)
        self.account, self._admin = "app-" + suffix, "admin-" + suffix
        for name in (self.account, self._admin):
            self.server.service_account_token(NAMESPACE, name)
        self._admin_token = self.server.service_account_token(NAMESPACE, self._admin)
        self._first = self._make()
        self.allow("create", "list", "delete")

    def _make(self) -> str:
        """Make a token as a person does, bound to a Secret."""
        secret = {"metadata": {"name": "by-hand-" + secrets.token_hex(4)}}
        made = self.server.call("POST", self.server.secrets_path(NAMESPACE), secret)["metadata"]
        bound = {"kind": "Secret", "apiVersion": "v1", "name": made["name"], "uid": made["uid"]}
        request = {"spec": {"boundObjectRef": bound, "expirationSeconds": 36000, "audiences": self.audiences}}
        path = "/api/v1/namespaces/{}/serviceaccounts/{}/token".format(NAMESPACE, self.account)
        return str(self.server.call("POST", path, request)["status"]["token"])

    def allow(self, *verbs: str) -> None:
        """Allow these verbs on Secrets, and tokens of accounts, to the administrator."""
        rules = [
            {"apiGroups": [""], "resources": ["secrets"], "verbs": list(verbs)},
            {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
            {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get"]},
        ]
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": self._admin}
        subjects = [{"kind": "ServiceAccount", "name": self._admin, "namespace": NAMESPACE}]
        self.server.call("PUT", RBAC + "roles/" + self._admin, {"metadata": {"name": self._admin}, "rules": rules})
        binding = {"metadata": {"name": self._admin}, "roleRef": role, "subjects": subjects}
        self.server.call("PUT", RBAC + "rolebindings/" + self._admin, binding)

    def secrets(self) -> list[str]:
        """Return the names of the Secrets of the account's tokens that rotations had made."""
        selector = "?labelSelector=nebula.credential%2Fservice-account%3D" + self.account
        return [each["metadata"]["name"] for each in self.server.call("GET", self.server.secrets_path(NAMESPACE) + selector)["items"]]

    def stop(self) -> None:
        self._clean_up.close()

    def options(self) -> Mapping[str, Any]:
        return {
            "url": "https://127.0.0.1:{}".format(self._between.port),
            "ca_cert": str(self.server.ca_cert),
            "namespace": NAMESPACE,
            "service_account": self.account,
            "admin_credential": "admin",
            "audiences": list(self.audiences),
        }

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {"admin": ("api_key", {"api_key": self._admin_token})}

    def fields(self) -> Plain:
        return {"api_key": self._first}

    def opens(self, fields: Plain) -> bool:
        """The server remembers for 10 s that a token was valid, so its Secret has to be there, too."""
        part = str(fields["api_key"]).split(".")[1]
        bound = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["kubernetes.io"]["secret"]["name"]
        if self.server._send("GET", self.server.secrets_path(NAMESPACE, bound), None, self.server.token).status_code == 404:
            return False
        return self._is_accepted(str(fields["api_key"]))

    def _is_accepted(self, token: str) -> bool:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        return bool(self.server._send("POST", path, REVIEW, token).status_code == 201)

    def shut(self) -> None:
        self._between.mode = proxy.REFUSE

    def reopen(self) -> None:
        self._between.mode = proxy.PASS
        self.allow("create", "list", "delete")

    def refuse_new(self) -> None:
        self.allow("list", "delete")

    def change_elsewhere(self) -> None:
        for name in [*self.secrets(), *self._find_by_hand()]:
            self.server._send("DELETE", self.server.secrets_path(NAMESPACE, name), None, self.server.token)
        deadline = time.monotonic() + 60
        while self._is_accepted(self._first):  # for 10 s, as the server remembers
            assert time.monotonic() < deadline
            time.sleep(0.5)

    def _find_by_hand(self) -> list[str]:
        part = self._first.split(".")[1]
        return [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["kubernetes.io"]["secret"]["name"]]
