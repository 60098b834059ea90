# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the target `http`."""

from __future__ import annotations

from typing import Mapping

from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import DUAL, OVERLAP_NONE
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option

OPTIONS: Mapping[str, Option] = {
    "url": Option(
        "str",
        ("The address of the API, for example C(https://api.example.com/v1). The paths of the requests follow it.",),
        required=True,
    ),
    "apply": Option(
        "dict",
        (
            "The request that sets the value. Its method is C(PUT) if it names none.",
            "It is sent again with the same value after a crash, so the API must take that.",
        ),
    ),
    "probe": Option(
        "dict",
        (
            "The request that tries the value, for example one that reads the account. Its method is C(GET) if it names none.",
            "C(refused) is C([401]) if it is not given. It is also sent with a random wrong value, and must then be refused.",
        ),
        required=True,
    ),
    "retire": Option(
        "dict",
        (
            "The request that drops a value. Its method is C(DELETE) if it names none. C(404) and C(410) mean that it is gone.",
            "Required with O(http.overlap=dual) and with O(http.make).",
        ),
    ),
    "make": Option(
        "dict",
        (
            "In place of O(http.apply), if the service makes the value: the request for it. Its method is C(POST) if it names none.",
            (
                "Its parts C(value) and C(id), and C(fields) for further fields, say where the JSON of the response holds them, for example"
                " C(data.key). C($(mark)) is the id of the rotation."
            ),
        ),
    ),
    "list": Option(
        "dict",
        (
            "With O(http.make): the request that lists what the service holds. C(items) and, in each item, C(id) say where they are.",
            "C(mark) is where an item holds the mark that O(http.make) sent, C(created) where it holds its time.",
        ),
    ),
    "id_field": Option(
        "str",
        (
            "With O(http.make): the field of the credential that holds the id of its value. The id of a new value is stored there.",
            "Not needed if the current value was made by this target.",
        ),
    ),
    "slots": Option("int", ("With O(http.make): how many values the service accepts at once. Defaults to 2.",)),
    "sole_owner": Option(
        "bool",
        (
            "With O(http.make) and without a mark: only rotations of this credential make values there.",
            "So a value that appeared while a response was lost is deleted. Without this, it is only named.",
        ),
    ),
    "overlap": Option(
        "str",
        (
            "Whether the API accepts the old and the new value at the same time.",
            "V(none): O(http.apply) replaces the value.",
            "V(dual): O(http.apply) adds a value, and O(http.retire) drops the old one after the grace period.",
        ),
        default=OVERLAP_NONE,
        choices=(OVERLAP_NONE, DUAL),
    ),
    "headers": Option("dict", ("Headers of every request, for example C(X-Token) with C($(admin.password)).",)),
    "admin_credential": Option(
        "str",
        ("A credential in the same store that may change the value. Its fields are C($(admin.username)) and so on.",),
        no_log=False,
        credential=True,
    ),
    "ca_cert": Option("path", ("A file of CA certificates that verify the server's certificate, on the controller.",)),
    "client_cert": Option("path", ("A PEM file of a client certificate, on the controller.",)),
    "client_key": Option("path", ("A PEM file of its key, if that is in another file.",), no_log=False),
    "allow_plain_http": Option("bool", ("Allow C(http://) to another machine. The network can then read the value.",), default=False),
    "time_limit": Option("int", ("Seconds that one request may take, at most 240.",), default=20),
    "max_request_life": Option(
        "int",
        (
            "Seconds after which a request that was sent can no longer take effect at the service.",
            "Defaults to O(http.time_limit) and 60 seconds; at least O(http.time_limit) and 30 seconds.",
        ),
    ),
    "propagation": Option("int", ("Seconds until a change is visible everywhere. The first probe waits for it.",), default=0),
}
