# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of second factors, and the codes that they give at the moment (RFC 6238)."""

from __future__ import annotations

import base64
import re
import time
from typing import TYPE_CHECKING, Any, Dict, List, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, InvalidToken, Package, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field, TypeCapabilities

if TYPE_CHECKING:
    from pyotp import TOTP

PYOTP = Package("pyotp>=2.12", "pyotp")
CODE, URI = "code", "uri"
KEY_BYTES: Mapping[str, int] = {"SHA1": 20, "SHA256": 32, "SHA512": 64}
"""The algorithms, and how long a generated key is: as long as the hash (RFC 6238 section 5.1)."""
LEAST_KEY_BYTES = 10
"""RFC 4226 wants 16, and services give out keys of 10."""
LONGEST_PERIOD = 120
_DEFAULTS = {"algorithm": "SHA1", "digits": "6", "period": "30"}
_PARAMETERS = ("secret", "issuer", *_DEFAULTS)
_BASE32 = re.compile(r"[A-Z2-7]+\Z")


class Totp(CredentialType):
    """The key of a second factor. `code`, which `get` returns, and `uri` are computed from it at each read.

    An `otpauth` URI is accepted instead of the single fields, also as the value of `secret`.
    """

    name = "totp"
    description = "the key of a second factor; its value is the code of the moment"
    primary = "secret"
    capabilities = TypeCapabilities(cached=False, agreed=True)
    packages = (PYOTP,)
    fields = (
        Field("secret", secret=True, required=True, description="The key in base32; or an C(otpauth) URI, of which it is a part."),
        Field("account", identifies=True, description="The account that the codes are for."),
        Field("issuer", identifies=True, description="The service that the account is at."),
        Field("algorithm", default=_DEFAULTS["algorithm"], choices=tuple(KEY_BYTES), description="The hash."),
        Field("digits", default=_DEFAULTS["digits"], choices=("6", "7", "8"), description="The length of a code."),
        Field("period", default=_DEFAULTS["period"], description="The seconds after which there is another code, 1 to 120."),
    )

    def choose_field(self, fields: Fields) -> str:
        """Return `code`."""
        return CODE

    def explain_no_refresh(self, fields: Fields) -> str:
        """Return that there is no need."""
        return "Read it: each read computes the code of the moment."

    def expand(self, fields: Fields) -> Dict[str, Secret]:
        """Replace a URI in the field `uri`, or in `secret`, by its parts. A field that is given as well wins."""
        given = dict(fields)
        if URI not in given and "secret" in given and given["secret"].expose().strip().lower().startswith(b"otpauth:"):
            given[URI] = given.pop("secret")
        written = given.pop(URI, None)
        return given if written is None or written.is_null else dict(self._read_uri(written), **given)

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields. The key is stored in capital letters, without blanks, hyphens and padding.

        Raises:
            InvalidInput: as `CredentialType.validate`; also a key that is not base32 or too short, a period out of its range, a URI
                that is none, or that of codes that count up (HOTP).
            MissingLibrary: pyotp is not installed.
        """
        complete = super().validate(self.expand(fields))
        complete["secret"] = self._read_key(complete["secret"])
        period = complete["period"].expose().decode("utf-8")
        if not re.match(r"[1-9][0-9]{0,2}\Z", period) or int(period) > LONGEST_PERIOD:
            self.refuse("period", "is no number of seconds from 1 to {0}".format(LONGEST_PERIOD), "Most services have 30.")
        check_packages(self.packages)
        return complete

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, the code of this moment, or the `otpauth` URI.

        Raises:
            NoToken: there is no such value.
            InvalidToken: another tool has written fields that give no code.
            MissingLibrary: pyotp is not installed.
        """
        if field not in (CODE, URI) or field in state:
            return super().read(fields, state, field)
        check_packages(self.packages)
        try:
            generator = _build_generator(find_values(dict(fields, secret=super().read(fields, state, "secret"))))
            return Secret(generator.at(time.time()) if field == CODE else generator.provisioning_uri())
        except (KeyError, TypeError, ValueError):
            remedy = "Write the credential again: its fields are checked then, and the wrong one is named."
            raise InvalidToken("its fields give no code", remedy=remedy) from None

    def generate(self, options: Mapping[str, Any], fields: Fields) -> Dict[str, Secret]:
        """Return `fields` with a new key, as long as the hash of their algorithm.

        Raises:
            InvalidInput: an option is given, or the algorithm is unknown.
        """
        import secrets  # imported here: reading a credential generates nothing

        given = sorted(name for name, value in options.items() if value is not None)
        if given:
            what = "type 'totp' has no option {0}".format(", ".join(given))
            raise InvalidInput(what, option="generate", remedy="Set 'algorithm' in 'fields'.")
        algorithm = find_values(fields).get("algorithm", Secret(_DEFAULTS["algorithm"])).expose().decode("utf-8", "replace")
        if algorithm not in KEY_BYTES:
            self.refuse("algorithm", "is none of the values allowed", "Use one of: {0}.".format(", ".join(KEY_BYTES)))
        return dict(fields, secret=Secret(base64.b32encode(secrets.token_bytes(KEY_BYTES[algorithm])).rstrip(b"=")))

    def _read_key(self, given: Secret) -> Secret:
        text = re.sub(r"[\s-]", "", given.expose().decode("utf-8")).rstrip("=").upper()
        # Of the last character's bits some may be left over (RFC 4648 section 6); 1, 3 and 6 characters are the end of no byte.
        if not _BASE32.match(text) or len(text) % 8 in (1, 3, 6):
            self.refuse("secret", "is not base32", "Copy it as the service shows it: letters, and digits from 2 to 7.")
        if len(text) * 5 // 8 < LEAST_KEY_BYTES:
            self.refuse("secret", "has less than {0} bits".format(LEAST_KEY_BYTES * 8), "Get a longer key from the service.")
        return Secret(text)

    def _read_uri(self, written: Secret) -> Dict[str, Secret]:
        """Return all fields that a URI means, its defaults included."""
        try:
            uri = urlsplit(written.expose().decode("utf-8").strip())
        except ValueError:
            self.refuse(URI, "is not a URI", "Copy it as the service shows it.")
        if uri.scheme.lower() != "otpauth" or uri.netloc.lower() not in ("totp", "hotp"):
            self.refuse(URI, "does not begin with 'otpauth://totp/'", "Copy it as the service shows it.")
        if uri.netloc.lower() == "hotp":
            remedy = "Let the service use codes of time. The counter of the others would change with each read, and each copy has its own."
            self.refuse(URI, "is of kind 'hotp', whose codes count up", remedy)
        parameters = parse_qsl(uri.query, keep_blank_values=True)
        self._check_parameters([name for name, _value in parameters])
        there = {name: value for name, value in parameters if value and name in _PARAMETERS}
        issuer, colon, account = uri.path.lstrip("/").partition(":")
        label = {"issuer": unquote(issuer), "account": unquote(account)} if colon else {"account": unquote(issuer)}
        found = {**_DEFAULTS, **{name: text.strip() for name, text in label.items()}, **there}
        found["algorithm"] = found["algorithm"].upper()
        return {name: Secret(text) for name, text in found.items() if text}

    def _check_parameters(self, names: List[str]) -> None:
        twice = sorted({name for name in names if name in _PARAMETERS and names.count(name) > 1})
        if twice:
            self.refuse(URI, "has '{0}' twice".format(twice[0]), "Copy it as the service shows it.")
        if "secret" not in names:
            self.refuse(URI, "has no 'secret'", "Copy it as the service shows it.")
        if "encoder" in names:
            self.refuse(URI, "has an 'encoder'", "Codes of a service's own alphabet are not supported.")


def _build_generator(fields: Mapping[str, Secret]) -> TOTP:
    import hashlib

    import pyotp

    class Generator(pyotp.TOTP):
        # Keys that services give out may be shorter than pyotp wants.
        min_secret_length_bits = LEAST_KEY_BYTES * 8

    texts = {**_DEFAULTS, **{name: value.expose().decode("utf-8") for name, value in fields.items()}}
    return Generator(
        texts["secret"],
        digits=int(texts["digits"]),
        digest={"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}[texts["algorithm"]],
        name=texts.get("account"),
        issuer=texts.get("issuer"),
        interval=int(texts["period"]),
    )
