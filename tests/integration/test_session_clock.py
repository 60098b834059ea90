# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A clock that is set while a play runs: the controller's, its workers' and the session's, by thirty years and back."""

from __future__ import annotations

import sys

from tests.integration.conducted import conducted
from tests.integration.counted import ON, read

# Every process of the run has it: by `sitecustomize`, and the session (python -I) by the interpreter that the run is told it has.
CLOCK = """
import datetime, pathlib, sys, time

true, ahead = time.time, pathlib.Path({directory!r}, "ahead")


class Set(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)


time.time = lambda: true() + float(ahead.read_text())
time.time_ns = lambda: int(time.time() * 1e9)
datetime.datetime = Set
"""
SITE = "import clock, sys\nsys.executable = {directory!r} + '/python'\n"
PROGRAM = (
    "#!{python} -I\nimport runpy, sys\nsys.path.append({directory!r})\nimport clock\nrunpy.run_path(sys.argv[-1], run_name='__main__')\n"
)


def renewals(counted):
    """How often a login was renewed on the server."""
    return len(counted.server.requests("auth/token/renew-self"))


def test_a_clock_that_is_set_in_mid_run_changes_no_answer(project, counted, tmp_path, collection_root):
    """Neither is what was read read again, nor the login made or renewed again, nor is the session taken for idle; writes are seen."""
    for name, text in {"clock.py": CLOCK, "sitecustomize.py": SITE, "python": PROGRAM}.items():
        (tmp_path / name).write_text(text.format(directory=str(tmp_path), python=sys.executable), encoding="utf-8")
    (tmp_path / "python").chmod(0o700)
    hand = tmp_path / "ahead"
    hand.write_text("0")
    made = "- {{name: made in {0}, nebula.credential.credential: {{name: c, type: basic, value: in {0}}}}}\n"
    seen = "- {{name: seen in {0}, ansible.builtin.assert: {{that: \"lookup('nebula.credential.get', 'c') == 'in {0}'\"}}}}\n"
    told = "- {{name: told in {0}, nebula.credential.credential_info: {{name: c}}}}\n"
    deeds = {"future": lambda: hand.write_text("1e9"), "past": lambda: hand.write_text("-1e9")}
    before = renewals(counted)
    with conducted(**deeds) as between:
        tasks = read("a") + "\n"
        for deed in deeds:
            tasks += between.task(deed) + read("a") + "\n" + read("b") + "\n" + "".join(each.format(deed) for each in (made, seen, told))
        run = project.play(tasks, **ON, PYTHONPATH="{0}:{1}".format(tmp_path, collection_root)).succeeded()
    years = [int(run.result("told in " + deed)["credentials"][0]["updated_at"][:4]) for deed in deeds]
    assert years[0] - years[1] > 60, "the session's clock was not set"
    assert "[WARNING]" not in run.output
    assert (counted.logins(), counted.reads()["a"], counted.reads()["b"], renewals(counted) - before) == (1, 1, 1, 0)
