# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access keys of users of IAM, on a moto that checks signatures and policies, for the suite of targets. A proxy is in between."""

from __future__ import annotations

import contextlib
import functools
import json
import secrets
from typing import Any, Mapping, Tuple

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.servers import once, proxy
from tests.targets.harness import Plain, TargetService

MANAGES = ("iam:ListAccessKeys", "iam:DeleteAccessKey")
MAKES = "iam:CreateAccessKey"


@functools.lru_cache(maxsize=None)
def root() -> Any:
    """Return a client of IAM that may do everything."""
    return once.moto_enforcing().client("iam")


class UserOfIam(TargetService):
    """A user whose access keys an administrator makes. Nobody else makes keys for that user."""

    kind = "aws_iam"
    plays_every_fault = False
    credential_type = "aws"
    overlaps = True
    makes = True

    def start(self) -> None:
        self.server = once.moto_enforcing()
        self._clean_up = contextlib.ExitStack()
        self._between = self._clean_up.enter_context(proxy.running(self.server.host, self.server.port))
        suffix = secrets.token_hex(4)
        self.user, self._admin = "app-" + suffix, "admin-" + suffix
        for name in (self.user, self._admin):
            root().create_user(UserName=name)
        self._first, self._admin_key = self.make(), self.make(self._admin)
        self.allow(*MANAGES, MAKES)

    def make(self, user: str = "") -> Plain:
        """Make a key, as a person does."""
        key = root().create_access_key(UserName=user or self.user)["AccessKey"]
        return {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}

    def keys(self) -> list[str]:
        """Return the ids of the user's keys."""
        return [key["AccessKeyId"] for key in root().list_access_keys(UserName=self.user)["AccessKeyMetadata"]]

    def allow(self, *actions: str) -> None:
        """Allow these actions, and no other, to the administrator."""
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
        root().put_user_policy(UserName=self._admin, PolicyName="keys", PolicyDocument=json.dumps(document))

    def stop(self) -> None:
        self._clean_up.close()

    def options(self) -> Mapping[str, Any]:
        url = "http://{}:{}".format(self._between.host, self._between.port)
        return {"user": self.user, "endpoint_url": url, "admin_credential": "admin", "sole_owner": True}

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {"admin": ("aws", self._admin_key)}

    def fields(self) -> Plain:
        return self._first

    def opens(self, fields: Plain) -> bool:
        request = AWSRequest("POST", self.server.url + "/", data={"Action": "GetCallerIdentity", "Version": "2011-06-15"})
        SigV4Auth(Credentials(fields["access_key_id"], fields["secret_access_key"]), "sts", self.server.region).add_auth(request)
        ready = request.prepare()
        return requests.post(ready.url, data=ready.body, headers=dict(ready.headers), timeout=60, proxies={"http": ""}).ok

    def shut(self) -> None:
        self._between.mode = proxy.REFUSE

    def reopen(self) -> None:
        self._between.mode = proxy.PASS
        self.allow(*MANAGES, MAKES)

    def refuse_new(self) -> None:
        self.allow(*MANAGES)

    def change_elsewhere(self) -> None:
        for key in self.keys():
            root().delete_access_key(UserName=self.user, AccessKeyId=key)
        self.make()
