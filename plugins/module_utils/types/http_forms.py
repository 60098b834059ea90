# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forms in which HTTP takes keys and passwords: headers, parameters of a query, lines of an htpasswd file."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidToken, MissingLibrary, Package, pip_install
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

BCRYPT = Package("bcrypt>=4", "bcrypt")
ROUNDS = 12
LONGEST_PASSWORD = 72
"""bcrypt uses no more bytes of a password."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")  # RFC 9110 section 5.6.2
_VALUE = re.compile(rb"[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?\Z")  # RFC 9110 section 5.5
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPT64 = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def build_header(name: str, prefix: str, key: Secret) -> Secret:
    """Return the line of a header, `name: key` or `name: prefix key`.

    Raises:
        InvalidToken: the name is no name of a header, or the rest cannot be its value.
    """
    value = (prefix.encode("utf-8") + b" " if prefix else b"") + key.expose()
    if not _TOKEN.match(name) or not _VALUE.match(value):
        raise InvalidToken("it cannot be written in a header", remedy="Check 'param_name' and 'prefix'. A key has no line breaks.")
    return Secret(name.encode("ascii") + b": " + value)


def build_query(name: str, key: Secret) -> Secret:
    """Return `name=key` for the query of a URL, percent-encoded (RFC 3986)."""
    return Secret("{0}={1}".format(quote(name, safe=""), quote(key.expose(), safe="")))


def build_basic_header(username: Secret, password: Secret) -> Secret:
    """Return the header of the Basic scheme, in UTF-8 (RFC 7617).

    Raises:
        InvalidToken: a colon in the user name, which ends it there, or a control character.
    """
    login = _join(username, password)
    return Secret(b"Authorization: Basic " + base64.b64encode(login))


def build_htpasswd(username: Secret, password: Secret) -> Secret:
    """Return the line of an htpasswd file, with bcrypt. The same login has the same line, so that a file does not change by itself.

    Raises:
        InvalidToken: the user name or password cannot be written in it, or the password is longer than bcrypt's 72 bytes.
        MissingLibrary: bcrypt is not installed.
    """
    _join(username, password)
    if len(password) > LONGEST_PASSWORD:
        raise InvalidToken("the password is longer than {0} bytes, which bcrypt would cut".format(LONGEST_PASSWORD), remedy="Shorten it.")
    try:
        import bcrypt
    except ImportError:
        remedy = "Run: {0}".format(pip_install(BCRYPT))
        raise MissingLibrary("bcrypt, which makes lines of htpasswd, is not installed", remedy=remedy) from None
    made = bcrypt.hashpw(password.expose(), b"$2b$%d$" % ROUNDS + _derive_salt(username, password))
    # Apache's own mark for the same algorithm.
    return Secret(username.expose() + b":$2y$" + made[len(b"$2b$") :])


def _join(username: Secret, password: Secret) -> bytes:
    name, word = username.expose(), password.expose()
    if b":" in name or _CONTROL.search(name + word):
        raise InvalidToken("it has a colon in the user name, or a control character", remedy="Choose another user name or password.")
    return name + b":" + word


def _derive_salt(username: Secret, password: Secret) -> bytes:
    # From both, by a function as slow as bcrypt (RFC 7914): the salt is public, and must not make a guess cheaper than the hash does.
    from hashlib import scrypt

    raw = scrypt(password.expose(), salt=b"nebula.credential htpasswd:" + username.expose(), n=2**15, r=8, p=1, maxmem=2**26, dklen=16)
    return base64.b64encode(raw)[:22].translate(bytes.maketrans(_BASE64, _BCRYPT64))
