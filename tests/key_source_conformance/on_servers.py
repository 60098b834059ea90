# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key sources on servers: Transit of OpenBao, KMS of moto (which checks signatures and policies), and two strict ones of our own."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingKey
from tests.integration.test_transit import policy
from tests.key_source_conformance.harness import Entry, KeySourceHarness, closed_address, silent_server
from tests.servers import kms_front, once

POLICY = (Path(__file__).parents[2] / "docs" / "policies" / "aws-kms.json").read_text(encoding="utf-8")


class TransitHarness(KeySourceHarness):
    """A key of a Transit engine."""

    kind = "vault_transit"
    label = "team"
    after_loss = MissingKey

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.server = once.openbao()
        self.server.enable("transit", "transit")
        for key in (self.name, self.name + "-other"):
            self.server.call("POST", "transit/keys/" + key)
            self.server.call("POST", "transit/keys/{0}/config".format(key), {"deletion_allowed": True})
        self.token = self.server.token(self.server.policy("transit-" + self.name, policy(self.name)), no_default_policy=True)

    def entry(self) -> Entry:
        return {"source": "vault_transit", "url": self.server.url, "key": self.name, "label": "team", "auth": {"token": self.token}}

    def other(self) -> Entry:
        return dict(self.entry(), key=self.name + "-other", auth={"token": self.server.root_token})

    def lose(self) -> None:
        self.server.call("DELETE", "transit/keys/" + self.name)

    def unreachable(self) -> Entry:
        return dict(self.entry(), url=closed_address())

    @contextmanager
    def stalled(self) -> Iterator[Entry]:
        with silent_server() as address:
            yield dict(self.entry(), url=address)

    def revoke(self) -> None:
        self.server.policy("transit-" + self.name, 'path "auth/token/*" { capabilities = ["update"] }')

    def rotate(self) -> None:
        self.server.call("POST", "transit/keys/{0}/rotate".format(self.name))

    def secrets(self) -> Tuple[str, ...]:
        return (self.token, self.server.root_token)


class AwsKmsHarness(KeySourceHarness):
    """A key of AWS KMS, by a login that may use it and another one."""

    kind = "aws_kms"
    label = "team"
    after_loss = MissingKey

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.server = once.moto_enforcing()
        self.kms, self.iam = self.server.client("kms"), self.server.client("iam")
        self.keys = [self.kms.create_key()["KeyMetadata"]["Arn"] for _each in range(2)]
        self.iam.create_user(UserName=self.name)
        # moto knows the resource of no KMS request.
        document = POLICY.replace("arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab", "*")
        self.iam.put_user_policy(UserName=self.name, PolicyName="kms", PolicyDocument=document)
        self.login = self.iam.create_access_key(UserName=self.name)["AccessKey"]

    def entry(self) -> Entry:
        return {
            "source": "aws_kms",
            "label": "team",
            "key": self.keys[0],
            "region": self.server.region,
            "endpoint_url": kms_front.once(self.server).url,
            "access_key": self.login["AccessKeyId"],
            "secret_key": self.login["SecretAccessKey"],
        }

    def other(self) -> Entry:
        return dict(self.entry(), key=self.keys[1])

    def lose(self) -> None:
        kms_front.once(self.server).gone.add(self.keys[0])

    def unreachable(self) -> Entry:
        return dict(self.entry(), endpoint_url=closed_address())

    @contextmanager
    def stalled(self) -> Iterator[Entry]:
        with silent_server() as address:
            yield dict(self.entry(), endpoint_url=address)

    def revoke(self) -> None:
        self.iam.delete_user_policy(UserName=self.name, PolicyName="kms")

    def rotate(self) -> None:
        self.kms.rotate_key_on_demand(KeyId=self.keys[0])

    def secrets(self) -> Tuple[str, ...]:
        return (self.login["SecretAccessKey"],)


class GcpKmsHarness(KeySourceHarness):
    """A key of Cloud KMS, by the token of a principal that may use it and another one."""

    kind = "gcp_kms"
    label = "team"
    after_loss = MissingKey

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.server = once.secret_manager()
        self.principal = "serviceAccount:{0}@tests.iam.gserviceaccount.com".format(self.name)
        ring = "projects/tests/locations/europe-west3/keyRings/" + self.name
        self.keys = [ring + "/cryptoKeys/first", ring + "/cryptoKeys/second"]
        permissions = ["cloudkms.cryptoKeyVersions.useToEncrypt", "cloudkms.cryptoKeyVersions.useToDecrypt"]
        orders = [{"kms": {"make": key}} for key in self.keys]
        grant = {"principal": self.principal, "permissions": permissions, "resource": "projects/tests/locations/europe-west3"}
        self.token = str(self.server.order(*orders, {"grant": grant}, {"issue": self.principal})[-1])

    def entry(self) -> Entry:
        place = {"endpoint": self.server.token_url, "ca_cert": str(self.server.ca_cert)}
        return {"source": "gcp_kms", "label": "team", "key": self.keys[0], "access_token": self.token, **place}

    def other(self) -> Entry:
        return dict(self.entry(), key=self.keys[1])

    def lose(self) -> None:
        self.server.order({"kms": {"remove": self.keys[0]}})

    def unreachable(self) -> Entry:
        return dict(self.entry(), endpoint=closed_address().replace("http:", "https:"))

    @contextmanager
    def stalled(self) -> Iterator[Entry]:
        with silent_server() as address:
            yield dict(self.entry(), endpoint=address.replace("http:", "https:"))

    def revoke(self) -> None:
        self.server.order({"revoke": self.principal})

    def rotate(self) -> None:
        self.server.order({"kms": {"rotate": self.keys[0]}})

    def secrets(self) -> Tuple[str, ...]:
        return (self.token,)


class AzureKeyVaultHarness(KeySourceHarness):
    """A key of a Key Vault, by a client secret."""

    kind = "azure_key_vault"
    label = "team"
    after_loss = MissingKey

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.server = once.azure_vault()
        for key in (self.name, self.name + "-other"):
            self.server.order(keys={"make": key})

    def entry(self) -> Entry:
        return {"source": "azure_key_vault", "label": "team", "key": self.name, **self.server.login()}

    def other(self) -> Entry:
        return dict(self.entry(), key=self.name + "-other")

    def lose(self) -> None:
        self.server.order(keys={"remove": self.name})

    def unreachable(self) -> Entry:
        return dict(self.entry(), vault_url=closed_address().replace("http:", "https:"))

    @contextmanager
    def stalled(self) -> Iterator[Entry]:
        with silent_server() as address:
            yield dict(self.entry(), vault_url=address.replace("http:", "https:"))

    def revoke(self) -> None:
        self.server.order(grants={self.server.client: ["get"]})

    def end(self) -> None:
        self.server.order(grants={})

    def rotate(self) -> None:
        self.server.order(keys={"make": self.name})

    def secrets(self) -> Tuple[str, ...]:
        return (self.server.secret,)
