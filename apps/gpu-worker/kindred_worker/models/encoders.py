"""Encoders by name: one file each. Adding one is its file, a line in its test and a line here."""

from __future__ import annotations

from typing import Any

from kindred_worker.models.decayed_sum import DecayedSum
from kindred_worker.models.encoder import Encoder
from kindred_worker.models.gated_linear import GatedLinear
from kindred_worker.models.gru import Gru
from kindred_worker.models.transformer import Transformer
from kindred_worker.report import InvalidInput

ENCODERS: dict[str, type[Encoder[Any]]] = {
    "decayed_sum": DecayedSum,
    "gru": Gru,
    "gated_linear": GatedLinear,
    "transformer": Transformer,
}


def check_encoder(name: str) -> None:
    """Raises InvalidInput at a name that is none of ours."""
    if name not in ENCODERS:
        raise InvalidInput(f"encoder: {name!r} is unknown; there are {', '.join(ENCODERS)}", "encoder")
