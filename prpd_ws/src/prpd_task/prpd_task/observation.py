"""The policy's inputs, by name, in the order of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from prpd_task.arrays import Array, namespace
from prpd_task.spec import TaskSpec


@dataclass(frozen=True)
class Term:
    """One input of the policy: a scalar with a unit."""

    name: str
    unit: str
    frame: str
    description: str


_BUCKET = tuple(
    Term(f"bucket_{axis}", unit, "soil", f"{what} to which the bucket was last sent")
    for axis, unit, what in (
        ("x", "m", "position"),
        ("y", "m", "position"),
        ("z", "m", "position"),
        ("pitch", "rad", "pitch"),
    )
)
_ROCK = tuple(Term(f"rock_{axis}", "m", "soil", "estimated centre of the rock") for axis in "xyz")
_FLAG = (Term("rock_in_bucket", "1", "", "1 if the rock is believed to rest in the bucket, else 0"),)
_FORCE = tuple(Term(f"force_{axis}", "N", "soil", "force on the bucket") for axis in "xyz")
_MORE = (
    Term("rock_size", "m", "", "edge of a cube of the rock's volume"),
    Term("surface_height", "m", "soil", "height of the soil around the rock"),
)


def terms(preset: str) -> Tuple[Term, ...]:
    """The inputs of a preset, in order."""
    paper = _BUCKET + _ROCK + _FLAG
    if preset == "paper":
        return paper
    if preset == "extended":
        return paper + _FORCE + _MORE
    raise ValueError(f"observation preset {preset!r} is not known; choose `paper` or `extended`")


def observe(
    spec: TaskSpec,
    *,
    bucket_target: Array,
    rock_position: Array,
    rock_in_bucket: Array,
    bucket_force: Optional[Array] = None,
    rock_size: Optional[Array] = None,
    surface_height: Optional[Array] = None,
) -> Array:
    """The observation (..., n) of the spec's preset.

    `bucket_target` is (..., 4), `rock_position` (..., 3) m, `rock_in_bucket` (...) 0 or 1, `bucket_force` (..., 3) N,
    `rock_size` and `surface_height` (...) m; all in the soil frame.
    """
    columns = [bucket_target[..., i] for i in range(4)] + [rock_position[..., i] for i in range(3)] + [rock_in_bucket]
    if spec.preset == "extended":
        if bucket_force is None or rock_size is None or surface_height is None:
            raise ValueError(
                "the `extended` preset observes bucket_force, rock_size and surface_height too; pass all three"
            )
        columns += [bucket_force[..., i] for i in range(3)] + [rock_size, surface_height]
    return namespace(bucket_target).stack(columns, -1)
