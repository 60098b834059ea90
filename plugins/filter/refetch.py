# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter `refetch`. Its documentation is in refetch.yml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context


# With the context, Jinja evaluates the filter each time; without it, a constant name would be read when the template is compiled.
@pass_context
def refetch(context: Context, name: str, **options: Any) -> Any:
    """Return what the lookup `get` returns for this name with `fresh`. Raises as the lookup does."""
    return context.environment.globals["lookup"]("nebula.credential.get", name, fresh=True, **options)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"refetch": refetch}
