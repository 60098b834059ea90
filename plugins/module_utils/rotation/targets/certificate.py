# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate and its key that a server of one host presents, verified by a TLS handshake.

The files are in a directory that is named by the certificate's fingerprint, and a link leads to it: the link is replaced in one step,
so key and certificate change together. What the link leads to is what the host has; a probe has the server load it first.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import time
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NotFound, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.record import find_values
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    OVERLAP_NONE,
    REAPPLY,
    Modules,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option

TRAITS = TargetTraits(
    overlap=OVERLAP_NONE,
    rollback=REAPPLY,
    probe="a TLS handshake shows the fingerprint of the new certificate",
    # The program that reloads is killed with the connection or after its time; the rest allows for a slow host.
    max_request_life=150,
    apply_limit=60,
    ask_limit=30,
    wrong_value=False,
)
_UNWRITTEN, _NOT_LOADED, _OTHER, _NO_LINK, _NO_PARENT = range(21, 26)
# Names: $1 the link, $2 the fingerprint, $3 the mode of the key, $4 the owner or nothing; the rest is the program that reloads.
# Until the link is replaced nothing has changed. If the server does not load the files, the link leads back to those before.
_WRITE = """
umask 077
link=$1; new=$1.$2; part=$1.$2.part; mode=$3; owner=$4; shift 4
if [ ! -d "$new" ]; then
  rm -rf "$part" && mkdir "$part" && cat >"$part/bundle.pem" &&
    sed -n '/-----BEGIN .*PRIVATE KEY-----/,/-----END .*PRIVATE KEY-----/p' "$part/bundle.pem" >"$part/privkey.pem" &&
    sed -n '/-----BEGIN CERTIFICATE-----/,/-----END CERTIFICATE-----/p' "$part/bundle.pem" >"$part/fullchain.pem" &&
    chmod 755 "$part" && chmod 644 "$part/fullchain.pem" && chmod "$mode" "$part/privkey.pem" "$part/bundle.pem" &&
    {{ [ -z "$owner" ] || chown -R "$owner" "$part"; }} && mv -T "$part" "$new" || exit {unwritten}
fi
sync "$new" "$new"/*.pem 2>/dev/null
before=$(readlink "$link")
replace() {{ rm -f "$link.new" && ln -s "$1" "$link.new" && mv -T "$link.new" "$link"; }}
replace "${{new##*/}}" || exit {unwritten}
if ! timeout -s KILL 25 "$@" </dev/null; then
  [ -n "$before" ] && replace "$before" && timeout -s KILL 25 "$@" </dev/null
  exit {not_loaded}
fi
for old in "$link".????????????????????????????????????????????????????????????????; do
  [ "$old" = "$new" ] || [ "${{old##*/}}" = "$(readlink "$link")" ] || rm -rf "$old"
done
exit 0
""".format(unwritten=_UNWRITTEN, not_loaded=_NOT_LOADED)
_LOAD = """
link=$1; name=${{1##*/}}.$2; shift 2
timeout -s KILL 25 "$@" </dev/null || exit {not_loaded}
[ "$(readlink "$link")" = "$name" ] || exit {other}
""".format(not_loaded=_NOT_LOADED, other=_OTHER)
_LOOK = """
[ -w "${{1%/*}}" ] && [ -d "${{1%/*}}" ] || exit {no_parent}
[ -h "$1" ] || [ ! -e "$1" ] || exit {no_link}
shift; command -v "$1" >/dev/null && command -v timeout >/dev/null || exit {other}
""".format(no_parent=_NO_PARENT, no_link=_NO_LINK, other=_OTHER)
_SEND_OUTCOMES: Mapping[Optional[int], str] = {0: steps.APPLIED, _UNWRITTEN: steps.REFUSED, _NOT_LOADED: steps.REFUSED}
_NOTES: Mapping[Optional[int], str] = {
    None: "there was no response from the host",
    _UNWRITTEN: "the files could not be written",
    _NOT_LOADED: "the program 'reload' failed",
}
_MATCHES, _TRIES, _PAUSE = 3, 25, 0.2
"""A server that loads new files answers with old and new ones for a moment, so several handshakes in a row have to agree."""
_CONNECT_SECONDS = 10.0


class Certificate(Target):
    """The certificate of one server."""

    kind = "certificate"
    summary = "V(certificate) changes the certificate, with its key, that a server of a host presents."
    about = (
        (
            "Where the files are, and which server loads them. A shell on the host writes them as the task's user (C(become)),"
            " and the controller compares the certificate in a TLS handshake with the stored one."
        ),
        "A server presents one certificate at a time, so there is no grace period. Each host has a credential of its own.",
    )
    options = {
        "host": Option("str", ("A host of the inventory. Defaults to the task's host.",), hosts=True),
        "directory": Option(
            "str",
            (
                "The directory with C(privkey.pem), C(fullchain.pem) and C(bundle.pem) (both in one), as an absolute path on the host.",
                "It is a link to a directory of the same name with the certificate's fingerprint. The link is replaced in one step.",
            ),
            required=True,
        ),
        "reload": Option(
            "list",
            (
                "The program that has the server load the files, and its arguments. It must fail if the server does not take them.",
                "It is also run before each handshake, and it is killed after 25 seconds.",
            ),
            elements="str",
            required=True,
        ),
        "port": Option("int", ("The port of the server.",), default=443),
        "address": Option("str", ("The server's address, as seen from the controller. Defaults to that of the host.",)),
        "server_name": Option(
            "str", ("The name that the handshake asks for. Defaults to the credential's field C(common_name), if it has one.",)
        ),
        "mode": Option("str", ("The mode of the files with the key: four octal digits, in quotes.",), default="0600"),
        "owner": Option("str", ("The owner of the files, as C(chown) takes it (C(user:group)). Defaults to the task's user.",)),
    }

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self._options = options
        self._current = current

    @property
    def traits(self) -> TargetTraits:
        return TRAITS

    def check(self) -> None:
        fields = find_values(self._current.fields)
        if self._current.primary != "private_key" or "certificate" not in fields:
            what = "the credential holds no certificate with its key, or a service signs it when it is read"
            raise InvalidInput(what, option="target", remedy="Rotate a credential of type 'certificate' that the store or a person signs.")
        directory = str(self._options["directory"])
        if not directory.startswith("/") or directory.endswith("/") or directory.count("/") < 2:
            remedy = "Write a path like /etc/nginx/tls/shop."
            raise InvalidInput("it is no absolute path below another directory", option="certificate.directory", remedy=remedy)
        if not self._options["reload"]:
            raise InvalidInput("the program is missing", option="certificate.reload", remedy="Give a list: the program and its arguments.")
        if not re.fullmatch("0[0-7][0-7]0", str(self._options["mode"])):
            what = "it is no mode of four octal digits without rights for everybody"
            raise InvalidInput(what, option="certificate.mode", remedy="Write a text: '0600' or '0640'.")

    def describe(self) -> Dict[str, Any]:
        return {name: self._options[name] for name in ("host", "directory", "port")}

    def find_flaw(self, value: Value) -> str:
        return "" if "certificate" in find_values(value.fields) else "the new value has no certificate"

    def precheck(self, modules: Modules) -> None:
        """Check that the host can be reached, that the files can be written, and that the program is there.

        Raises:
            Unavailable: it cannot be reached.
            InvalidInput: the directory is no link, or the one above it cannot be written.
            NotFound: the host has no such program.
        """
        status = self._run(modules, _LOOK, b"", *self._options["reload"][:1])
        if status == 0:
            return
        if status == _NO_LINK:
            remedy = "Nothing was changed. Make it one: mv {0} {0}.first && ln -s {0}.first {0}".format(self._options["directory"])
            raise InvalidInput("it is a directory, and no link", option="certificate.directory", remedy=remedy)
        if status == _NO_PARENT:
            remedy = "Nothing was changed. Make the directory above it, or write 'become: true'."
            raise InvalidInput("the directory above it cannot be written", option="certificate.directory", remedy=remedy)
        if status == _OTHER:
            remedy = "Nothing was changed. Install it, or correct its path."
            raise NotFound(
                "the host lacks the program '{}', or 'timeout'".format(self._options["reload"][0]),
                option="certificate.reload",
                remedy=remedy,
            )
        remedy = "Nothing was changed. Check the connection to it."
        raise Unavailable("the host '{}' cannot be reached".format(self._options["host"]), option="certificate.host", remedy=remedy)

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        own = (_fingerprint(value), str(self._options["mode"]), self._options.get("owner") or "")
        status = self._run(modules, _WRITE, _build_bundle(value), *own, *self._options["reload"])
        modules.note(_NOTES.get(status, ""))
        return _SEND_OUTCOMES.get(status, steps.UNKNOWN)

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        status = self._run(modules, _LOAD, b"", _fingerprint(value), *self._options["reload"])
        if status == _OTHER:
            return steps.REFUSED
        if status != 0:
            modules.note(_NOTES.get(status, ""))
            return steps.UNAVAILABLE
        why = self._compare(modules, _fingerprint(value))
        modules.note(why)
        return steps.UNAVAILABLE if why else steps.ACCEPTED

    def _compare(self, modules: Modules, fingerprint: str) -> str:
        """Return why the server does not present the certificate that the host has, in words. Empty if it does."""
        address = self._options.get("address") or modules.read_connection(self._options["host"]).get("host")
        matches = 0
        for _each in range(_TRIES):
            left = modules.time_left()
            if left <= 0:
                break
            served = self._read_served(str(address), min(left, _CONNECT_SECONDS))
            if not served:
                return "there was no TLS handshake with {}:{}".format(address, self._options["port"])
            matches = matches + 1 if served == fingerprint else 0
            if matches == _MATCHES:
                return ""
            time.sleep(_PAUSE)
        return "the host has the certificate, and {}:{} presents another one".format(address, self._options["port"])

    def _read_served(self, address: str, seconds: float) -> str:
        """Return the fingerprint of the certificate that the server presents; empty without a handshake."""
        own = find_values(self._current.fields).get("common_name")
        name = self._options.get("server_name") or (own.expose().decode("utf-8") if own is not None else None)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # The certificate is compared as a whole; who has signed it, and for how long, is not the question here.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            connection = socket.create_connection((address, self._options["port"]), timeout=seconds)
            with connection, context.wrap_socket(connection, server_hostname=name) as secured:
                return hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
        except (OSError, ValueError):
            return ""

    def _run(self, modules: Modules, script: str, given: bytes, *arguments: str) -> Optional[int]:
        argv = ["/bin/sh", "-c", script, "sh", str(self._options["directory"]), *map(str, arguments)]
        return modules.run_program(argv, given, self._options["host"])


def _fingerprint(value: Value) -> str:
    certificate = value.fields["certificate"].expose().decode("ascii")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.strip())).hexdigest()


def _build_bundle(value: Value) -> bytes:
    """Return the key, not encrypted, the certificate and its chain, in PEM."""
    from ansible_collections.nebula.credential.plugins.module_utils.types import private_keys
    from ansible_collections.nebula.credential.plugins.module_utils.types.certificate import parts

    fields = find_values(value.fields)
    passphrase = fields["passphrase"].expose() if "passphrase" in fields else None
    key = private_keys.read_private_key(fields["private_key"].expose(), passphrase, "certificate")
    pem = [parts.write_private_key(key, None), *(fields[name].expose() for name in ("certificate", "chain") if name in fields)]
    return b"".join(part.strip() + b"\n" for part in pem)
