"""What a training of the detector leaves after each epoch, so that an interrupted one goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from prpd_perception.learn.train import TrainDetector


class Checkpoint:
    """A file beside the drawn examples; one of other settings, or one that cannot be read, is not gone on with.

    `parts` have a state, as torch's networks, optimisers and schedules do.
    """

    def __init__(self, config: TrainDetector, parts: Mapping[str, Any]) -> None:
        self._file = config.cache / "training.pt"
        self._parts = parts
        self._settings = [config.scenes, config.epochs, config.batch, config.learning_rate, config.seed]

    def restore(self) -> int:
        """Take up what is there; how many epochs were done."""
        try:
            saved = torch.load(self._file, weights_only=True)
        except FileNotFoundError:
            return 0
        except Exception as error:  # whatever a damaged file makes torch raise
            print(f"{self._file} cannot be read ({error}); training from the start")
            return 0
        if saved["settings"] != self._settings:
            print(f"{self._file} is of a training with other settings; training from the start")
            return 0
        for name, part in self._parts.items():
            part.load_state_dict(saved[name])
        print(f"going on after epoch {saved['epochs']}, from {self._file}")
        return int(saved["epochs"])

    def save(self, epochs: int) -> None:
        """After so many epochs."""
        state = {name: part.state_dict() for name, part in self._parts.items()}
        unfinished = Path(f"{self._file}.part")
        torch.save({"settings": self._settings, "epochs": epochs, **state}, unfinished)
        unfinished.rename(self._file)

    def remove(self) -> None:
        """The training is done; another begins anew."""
        self._file.unlink(missing_ok=True)
