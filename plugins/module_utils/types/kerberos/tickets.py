# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tickets of Kerberos by gssapi, in a process of its own: with a configuration and a cache that nothing else sees, and an end.

libkrb5 takes its configuration and its caches from the environment, which threads share, and it sets no limit to its waiting.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from tempfile import TemporaryDirectory
from typing import Any, Dict, Mapping, NamedTuple, NoReturn, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.context.process import TooSlow, run_python
from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed, Package, Unavailable, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import create_exclusively
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import read_file
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

GSSAPI = Package("gssapi >= 1.8", "gssapi")
SECONDS = 60.0
_MEMORY = "/dev/shm"  # noqa: S108  # only to hold directories of our own, which TemporaryDirectory makes private
_SYSTEM = "/etc/krb5.conf"
_MOST_CACHE = 1024 * 1024
_CACHE, _CONFIGURATION = "cache", "krb5.conf"
_PROGRAM = r"""
import base64, json, os, signal, sys, tempfile
given = json.load(sys.stdin)
# Who started this may be killed while a KDC is silent.
signal.alarm(given["seconds"])
sys.path[:] = given["path"]
import gssapi
from gssapi import raw

place = {"ccache": "FILE:" + given["cache"]}
kerberos, spnego = gssapi.MechType.kerberos, gssapi.OID.from_int_seq("1.3.6.1.5.5.2")

def parse(service):
    kind = gssapi.NameType.kerberos_principal if "/" in service else gssapi.NameType.hostbased_service
    return gssapi.Name(service, kind)

def log_in():
    name = gssapi.Name(given["principal"], gssapi.NameType.kerberos_principal)
    if given["password"] is None:
        # Without a name, it does not stay if both processes are killed.
        file = tempfile.TemporaryFile("wb", buffering=0, dir=os.path.dirname(given["cache"]))
        file.write(base64.b64decode(given["keytab"]))
        with_keys = {**place, "client_keytab": "FILE:/dev/fd/{}".format(file.fileno())}
        return gssapi.Credentials(name=name, usage="initiate", mechs=[kerberos], store=with_keys)
    made = raw.acquire_cred_with_password(name, given["password"].encode(), usage="initiate", mechs=[kerberos])
    raw.store_cred_into(place, made.creds, usage="initiate", mech=kerberos, overwrite=True, set_default=True)
    return gssapi.Credentials(usage="initiate", mechs=[kerberos], store=place)

def begin(mechanism):
    with_tickets = gssapi.Credentials(usage="initiate", mechs=[mechanism], store=place)
    return gssapi.SecurityContext(name=parse(given["service"]), creds=with_tickets, mech=mechanism, usage="initiate").step()

try:
    if given["wanted"] == "token":
        answer = {"token": base64.b64encode(begin(spnego)).decode()}
    else:
        left = log_in().inquire(lifetime=True, name=False, usage=False, mechs=False).lifetime
        if given["service"]:
            begin(kerberos)
        answer = {"seconds": left}
except gssapi.exceptions.GSSError as error:
    answer = {"code": (error.min_code & 0xffffffff) - 2**32}
json.dump(answer, sys.stdout)
"""
_REFUSALS: Mapping[int, Tuple[str, str]] = {
    -1765328378: ("the realm does not know the principal", "Check 'principal'."),
    -1765328360: ("the key is wrong", "Check the password or the keytab: a keytab is out of date once the key was changed at the KDC."),
    -1765328353: ("the key is wrong", "Check the password or the keytab: a keytab is out of date once the key was changed at the KDC."),
    -1765328361: ("the password of the principal has expired", "Change it, and write the new one."),
    -1765328366: ("the principal is locked or disabled", "Have it unlocked at the KDC."),
    -1765328372: ("the policy of the KDC does not allow it", "Check 'lifetime', 'renewable_for' and the flags of the principal."),
    -1765328377: ("the realm does not know the service", "Check 'service': its form is HTTP@host, or HTTP/host@REALM."),
    -1765328370: ("the KDC does not take the kind of encryption", "Make a keytab with a kind that the KDC has."),
    -1765328203: ("the keytab has no key for it", "Give a keytab with the newest key of the principal."),
    -1765328347: ("the clock of this machine differs from that of the KDC", "Set the clock."),
}
"""Codes of libkrb5 (krb5.h), what they mean, and what to do."""
_NO_ANSWER = 1
"""Of our own: the process ended without an answer."""
_UNREACHED = (-1765328228, -1765328164, -1765328230)


class Realm(NamedTuple):
    """How the realm is reached, and what tickets are requested.

    Attributes:
        name: the realm.
        kdc: hosts with a port each, or none; empty for those of the system's configuration.
        settings: what is set in `[libdefaults]`.
    """

    name: str
    kdc: Tuple[str, ...] = ()
    settings: Mapping[str, str] = {}


class Tickets(NamedTuple):
    """A cache of tickets as MIT krb5 writes it to a file, and for how many seconds the first of them is good."""

    cache: Secret
    seconds: int


WRONG_KEY = (-1765328360, -1765328353)
"""The codes of libkrb5 that say that a key is not the one of the KDC."""


def try_keytab(realm: Realm, principal: str, keytab: Secret) -> int:
    """Return 0 if the KDC gives a ticket for the newest key of a keytab, else the code of libkrb5.

    Raises:
        Timeout: there is no response.
        MissingLibrary: gssapi is not installed.
    """
    with TemporaryDirectory(dir=find_memory()) as directory:
        sent = {"keytab": base64.b64encode(keytab.expose()).decode("ascii"), "password": None, "service": None}
        return int(_call(directory, realm, {"wanted": "tickets", "principal": principal, **sent}).get("code", 0))


def describe_refusal(code: int) -> str:
    """Return what a code of libkrb5 means, in words."""
    return _REFUSALS[code][0] if code in _REFUSALS else "code {0} of libkrb5".format(code)


def get_tickets(realm: Realm, principal: str, key: Secret, is_keytab: bool, service: Optional[str]) -> Tickets:
    """Get a ticket of the realm with a key, and with it one for a service if there is one.

    Raises:
        LoginFailed: the KDC refuses.
        Unavailable, Timeout: there is no response.
        MissingLibrary: gssapi is not installed.
    """
    with TemporaryDirectory(dir=find_memory()) as directory:
        given = {"wanted": "tickets", "principal": principal, "service": service, "keytab": None, "password": None}
        sent = {"keytab": base64.b64encode(key.expose()).decode("ascii")} if is_keytab else {"password": key.expose().decode("utf-8")}
        answer = _run(directory, realm, {**given, **sent}, principal)
        return Tickets(Secret(read_file(os.path.join(directory, _CACHE), _MOST_CACHE)), int(answer["seconds"]))


def build_token(realm: Realm, cache: Secret, service: str) -> Secret:
    """Return the first token of SPNEGO for a service (RFC 4559), in base64, from a cache that holds its ticket. Each one is good once.

    Raises:
        LoginFailed, Unavailable, Timeout, MissingLibrary: as `get_tickets`, if the cache lacks the ticket.
    """
    with TemporaryDirectory(dir=find_memory()) as directory:
        create_exclusively(os.path.join(directory, _CACHE), cache.expose())
        return Secret(_run(directory, realm, {"wanted": "token", "service": service}, service)["token"])


def find_memory() -> Optional[str]:
    """Return a directory that is not on a disk; None if there is none."""
    return _MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else None


def build_environment(directory: str, realm: Realm) -> Dict[str, str]:
    """Write the configuration of a realm into a directory. Return the environment of a program of krb5 that uses it."""
    configuration, cache = os.path.join(directory, _CONFIGURATION), os.path.join(directory, _CACHE)
    create_exclusively(configuration, write_configuration(realm).encode("ascii"))
    files = [configuration] if realm.kdc else [configuration, os.environ.get("KRB5_CONFIG", _SYSTEM)]
    return {"KRB5_CONFIG": ":".join(files), "KRB5CCNAME": "FILE:" + cache}


def _run(directory: str, realm: Realm, given: Mapping[str, Any], who: str) -> Dict[str, Any]:
    answer = _call(directory, realm, given)
    if "code" in answer:
        _refuse(answer["code"], realm, who)
    return answer


def _call(directory: str, realm: Realm, given: Mapping[str, Any]) -> Dict[str, Any]:
    check_packages((GSSAPI,))
    environment = build_environment(directory, realm)
    seconds = min(SECONDS, deadline.remaining())
    sent = {"path": sys.path, "cache": os.path.join(directory, _CACHE), "seconds": int(seconds) + 2, **given}
    try:
        done = run_python(_PROGRAM, sent, environment, seconds)
        answer: Dict[str, Any] = json.loads(done.output)
    except TooSlow:
        raise deadline.timeout_error(server="the KDC of {0}".format(realm.name)) from None
    except ValueError:
        answer = {"code": _NO_ANSWER}
    return answer


def _refuse(code: int, realm: Realm, who: str) -> NoReturn:
    if code in _REFUSALS:
        what, remedy = _REFUSALS[code]
        raise LoginFailed("no ticket of {0} for {1}: {2}".format(realm.name, who, what), remedy=remedy)
    what = "no ticket of {0} for {1} (code {2} of libkrb5)".format(realm.name, who, code)
    if code in _UNREACHED:
        what = "no KDC of {0} can be reached".format(realm.name)
    raise Unavailable(what, remedy="Check 'kdc', or the configuration of Kerberos on this machine ({0}).".format(_SYSTEM))


def write_configuration(realm: Realm) -> str:
    """Return the configuration of libkrb5. Names are taken as they are: no name server has a say in which service gets a ticket."""
    settings = {"default_realm": realm.name, "dns_canonicalize_hostname": "false", "rdns": "false", "udp_preference_limit": "1"}
    if realm.kdc:
        settings["dns_lookup_kdc"] = "false"
    lines = ["[libdefaults]", *(" {0} = {1}".format(*each) for each in {**settings, **realm.settings}.items())]
    if realm.kdc:
        lines += ["[realms]", " {0} = {{".format(realm.name), *("  kdc = " + each for each in realm.kdc), " }"]
    return "\n".join(lines) + "\n"


def encode_cache(cache: Secret) -> Secret:
    """Return a cache as text, as it is kept."""
    return Secret(base64.b64encode(cache.expose()))


def decode_cache(text: Secret) -> Secret:
    """Return what `encode_cache` was given."""
    return Secret(base64.b64decode(text.expose()))
