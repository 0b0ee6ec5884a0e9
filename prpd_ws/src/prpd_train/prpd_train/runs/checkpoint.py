"""Checkpoints: written whole or not at all, and read only when they fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Sequence

import torch

from prpd_task.errors import UserError
from prpd_train.runs.files import write_atomically

FORMAT = 1


class CheckpointError(UserError):
    """A checkpoint that cannot be written, read or used."""


def save_checkpoint(path: Path, content: Dict[str, Any]) -> None:
    """Tensors, numbers, strings, lists and dictionaries of them."""
    import io

    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **content}, buffer)
    write_atomically(path, buffer.getvalue())


def load_checkpoint(path: Path, *, needs: Sequence[str] = ()) -> Dict[str, Any]:
    """What `save_checkpoint` wrote; no code in the file is run."""
    if not path.exists():
        raise CheckpointError(f"there is no checkpoint {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(
            f"{path} is damaged or no checkpoint ({error}); delete it and resume the stage"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path} is no checkpoint of format {FORMAT}; train it again with this version")
    missing = [name for name in needs if name not in content]
    if missing:
        raise CheckpointError(f"{path} lacks {', '.join(missing)}; train it again with this version")
    return content
