# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proving the control of names to an ACME service: by a file of a web server (HTTP-01), or a record of the DNS (DNS-01)."""

from __future__ import annotations

import os
import re
import shlex
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Iterator, List, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.context.process import TooSlow, run_program
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidConfiguration,
    InvalidInput,
    StorageError,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import create_exclusively

if TYPE_CHECKING:
    from acme.client import ClientV2
    from acme.messages import AuthorizationResource

HTTP, DNS = "http", "dns"
DNS_PROGRAM = "NEBULA_CREDENTIAL_ACME_DNS"
"""The variable that names the program for records. It is no field: whoever may write a credential must not choose what readers run."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,512}\Z")
_REMOVAL_SECONDS = 10.0


def prove_control(acme: ClientV2, authorization: AuthorizationResource, texts: Mapping[str, str], proofs: ExitStack) -> None:
    """Put a file or a record in place that proves the control of a name, and say that it is there. `proofs` removes it.

    Raises:
        InvalidInput: the service verifies the name in other ways alone.
        InvalidConfiguration: the file cannot be written, or the program for the record fails.
    """
    from acme import challenges, messages

    if authorization.body.status == messages.STATUS_VALID:
        return
    is_dns, name = texts.get("challenge", HTTP) == DNS, str(authorization.body.identifier.value)
    wanted = challenges.DNS01 if is_dns else challenges.HTTP01
    offered = [each for each in authorization.body.challenges if isinstance(each.chall, wanted)]
    if not offered:
        what = "the service verifies {0} in other ways than by 'challenge: {1}'".format(ascii(name), DNS if is_dns else HTTP)
        raise InvalidInput(what, remedy="Use the other one.")
    answer, content = offered[0].response_and_validation(acme.net.key)
    if is_dns:
        proofs.enter_context(_hold_record(offered[0].chall.validation_domain_name(name), content))
    else:
        proofs.enter_context(_hold_file(texts["challenge_directory"], offered[0].chall.encode("token"), content))
    acme.answer_challenge(offered[0], answer)


def _unwritable_error(directory: str, why: str) -> InvalidConfiguration:
    what = "no file can be written in {0}: {1}".format(ascii(directory), why)
    return InvalidConfiguration(what, option="fields.challenge_directory", remedy="Name a directory of this machine.")


@contextmanager
def _hold_file(directory: str, token: str, content: str) -> Iterator[None]:
    """Keep the file of a challenge in the directory while the block runs. The web server may be another user, so all may read it."""
    if not _TOKEN.match(token):
        raise StorageError("the service sent a token that is no name of a file", remedy="Check the address of the service.")
    path = os.path.join(directory, token)
    try:
        is_new = create_exclusively(path, content.encode("ascii"), 0o644)
    except OSError as error:
        raise _unwritable_error(directory, os.strerror(error.errno or 0)) from None
    if not is_new:
        raise _unwritable_error(directory, "{0} is there already".format(token))
    try:
        os.chmod(path, 0o644)  # whatever the umask says; it is public
        yield
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)


@contextmanager
def _hold_record(name: str, content: str) -> Iterator[None]:
    """Keep a TXT record in the DNS while the block runs."""
    _run_dns_program("add", name, content, deadline.remaining())
    try:
        yield
    finally:
        with suppress(CredentialError):  # what was issued is issued; a record that stays proves nothing later
            _run_dns_program("remove", name, content, _REMOVAL_SECONDS)


def _run_dns_program(action: str, name: str, content: str, seconds: float) -> None:
    try:
        argv: List[str] = shlex.split(os.environ.get(DNS_PROGRAM, ""))
    except ValueError:
        argv = []
    if not argv or not os.path.isabs(argv[0]):
        what = "the variable {0} names no program by its whole path".format(DNS_PROGRAM)
        raise InvalidConfiguration(what, remedy="Set it where Ansible runs: the program gets 'add' or 'remove', a name and a text.")
    try:
        finished = run_program([*argv, action, name, content], b"", dict(os.environ), seconds)
    except TooSlow:
        raise deadline.timeout_error(server="the program of {0}".format(DNS_PROGRAM)) from None
    if finished.status != 0:
        what = "the program of {0} ended with status {1}".format(DNS_PROGRAM, finished.status)
        raise InvalidConfiguration(what, remedy="Run it by hand: PROGRAM {0} {1} text.".format(action, name))
