"""pyarrow.compute: its functions are made when it is imported, so no type checker can see them."""

from __future__ import annotations

from typing import Any

import pyarrow.compute

pc: Any = pyarrow.compute
