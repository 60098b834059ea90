# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An appliance for the suite of rotation targets: what a test does to it, beside what the target does."""

from __future__ import annotations

from ansible_collections.acme.vaulty.plugins.plugin_utils.rotation_targets.appliance import Appliance
from nebula_credential_target_suite.harness import TargetService


class ApplianceService(TargetService):
    """One appliance, in a directory of its own."""

    kind = "acme.vaulty.appliance"
    target = Appliance

    def start(self):
        self._file = self.directory / "appliance"
        self.set_by_hand(self.fields())

    def options(self):
        return {"place": str(self._file)}

    def fields(self):
        return {"username": "app", "password": "the first one"}

    def opens(self, fields):
        kept = self._file if self._file.exists() else self._file.with_suffix(".off")
        return kept.read_text() == fields["password"]

    def shut(self):
        self._file.rename(self._file.with_suffix(".off"))

    def reopen(self):
        if not self._file.exists():
            self._file.with_suffix(".off").rename(self._file)
        self._file.with_suffix(".locked").unlink(missing_ok=True)

    def refuse_new(self):
        self._file.with_suffix(".locked").touch()

    def change_elsewhere(self):
        self._file.write_text("set by somebody else")

    def set_by_hand(self, fields):
        self._file.write_text(fields["password"])


SERVICES = (ApplianceService,)
