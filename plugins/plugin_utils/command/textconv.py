# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`textconv`: an envelope as text, for `git diff`. It needs no key and no store, and shows no value."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope_text import describe_envelope
from ansible_collections.nebula.credential.plugins.module_utils.errors import EncryptionError, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, read_file
from ansible_collections.nebula.credential.plugins.plugin_utils.command.exit_codes import OK
from ansible_collections.nebula.credential.plugins.plugin_utils.command.invocation import Invocation
from ansible_collections.nebula.credential.plugins.plugin_utils.command.terminal import make_printable, write_json

_MOST_BYTES = 65 * MIB


def write_text(invocation: Invocation) -> int:
    """Write the metadata in a file, and a digest that differs when its value was changed.

    Of a file that is none of an encrypted store, or is damaged, it writes that; with `--json` that is an error.
    """
    given = invocation.arguments
    with translated("the file", given.file, writing=False):
        try:
            data = read_file(given.file, _MOST_BYTES)
        except FileNotFoundError:
            raise InvalidInput("there is no file {0}".format(given.file), remedy="Name a file of a store.") from None
    if given.json:
        write_json(describe_envelope(data))
        return OK
    try:
        described = describe_envelope(data)
    except EncryptionError as error:
        # git would show no difference of any file.
        described = {"no credential that can be shown": "{0} bytes [code: {1}]".format(len(data), error.code)}
    for name, value in described.items():
        print("{0}: {1}".format(name, make_printable(value)))
    return OK
