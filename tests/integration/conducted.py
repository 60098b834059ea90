# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a play has a test do between two of its tasks: to its network, its server, its clock."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterator

from tests.servers import scripted


class Conducted:
    """Deeds by name. A play has one done by a task that `task` gives, which goes on when it is done."""

    def __init__(self, url: str) -> None:
        """Take where the deeds are asked for."""
        self._url = url

    def task(self, deed: str) -> str:
        """A task that has it done, in the worker itself: no module is sent, nothing is started."""
        asked = "lookup('ansible.builtin.url', '{0}/{1}', use_proxy=false, timeout=60) == 'done'".format(self._url, deed)
        return '- {{name: {0}, ansible.builtin.assert: {{quiet: true, that: "{1}"}}}}\n'.format(deed, asked)


@contextmanager
def conducted(**deeds: Callable[[], Any]) -> Iterator[Conducted]:
    """Listen for what the plays inside the `with` block want done."""

    def script(request: scripted.Request) -> scripted.Answer:
        deeds[request.path.strip("/")]()
        return scripted.Answer(content=b"done")

    with scripted.running(script) as server:
        yield Conducted(server.url)
