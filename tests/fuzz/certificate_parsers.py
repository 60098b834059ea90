# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parsers of keys, certificates and key stores that are given, and of the names in certificates."""

from __future__ import annotations

import base64
from random import Random
from typing import Any, Callable, Dict

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate import names, parts
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named
from tests.fuzz.mutations import spoil_bytes
from tests.fuzz.stored_parsers import NOW, Made

PASSPHRASE = Secret("c4n4ry-store")


def make(**fields: str) -> Dict[str, Secret]:
    """The fields of a certificate that its own key has signed."""
    kind = type_named("certificate", {})
    given = {name: Secret(value) for name, value in fields.items()}
    return kind.complete("app", kind.validate(kind.generate({"kind": "ecdsa"}, given)), _refuse, NOW)


def _refuse(name: str) -> Any:
    raise AssertionError(name)


def of_certificates(_tmp_path: Any) -> Made:
    kind, leaf = type_named("certificate", {}), make(alt_names="a.example.com,192.0.2.7,email:a@example.com,https://example.com/a")
    ca = make(usages="ca", permitted_names="example.com,192.0.2.0/24,email:example.com")
    pem = [leaf["certificate"].expose(), ca["certificate"].expose(), leaf["private_key"].expose()]

    def spoil(random: Random) -> bytes:
        if random.randrange(2) == 0:
            return spoil_bytes(pem, random)
        # Below the base64, where the structure of a certificate is.
        lines = random.choice(pem).splitlines(keepends=True)
        content = spoil_bytes([base64.b64decode(b"".join(lines[1:-1]))], random)
        return lines[0] + base64.encodebytes(content) + lines[-1]

    def parse(data: bytes) -> None:
        field = "private_key" if b"PRIVATE" in data else "certificate"
        given = kind.expand({**{name: leaf[name] for name in ("private_key", "certificate")}, field: Secret(data)})
        fields = kind.validate(given)
        assert kind.expires_at(fields) is not None
        for name in ("fullchain", "fingerprint", "serial", "subject"):
            kind.read(fields, {}, name)

    return parse, spoil


def of_key_stores(_tmp_path: Any) -> Made:
    kind = type_named("certificate", {})
    whole = kind.read(dict(make(), keystore_passphrase=PASSPHRASE), {}, "pkcs12").expose()

    def parse(data: bytes) -> None:
        parts.expand_key_stores({"pkcs12": Secret(data), "keystore_passphrase": PASSPHRASE})

    return parse, lambda random: spoil_bytes([whole], random)


def of_names(_tmp_path: Any) -> Made:
    texts = [
        b"a.example.com,IP:192.0.2.7,2001:db8::1,a@example.com",
        b"https://[::1]/a,urn:a:b,*.example.com",
        b"192.0.2.0/24,.example.com",
    ]

    def parse(data: bytes) -> None:
        text = data.decode("latin-1")
        constraints = ()
        try:
            constraints = names.read_constraints(text, "permitted_names")
        except CredentialError:
            pass
        for name in (*constraints, *names.read_alt_names(text)):
            names.build_general_name(name)

    return parse, lambda random: spoil_bytes(texts, random)


PARSERS: Dict[str, Callable[[Any], Made]] = {
    "certificates and their keys": of_certificates,
    "key stores": of_key_stores,
    "names in certificates": of_names,
}
