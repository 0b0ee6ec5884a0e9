"""Data of the granular solver, as the kernels see it.

Arrays are flat: environment `e` owns the slice [e * capacity, (e + 1) * capacity). Soil frame, SI units.

Several threads of a GPU, `lanes`, share an environment; on a CPU there is one. What they do side by side touches
different grains, so that the result is the same for any number and order of them.
"""

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING

FLOOR = wp.constant(0)
WALL_X = wp.constant(1)
WALL_Y = wp.constant(2)
ROCK = wp.constant(3)
BOX = wp.constant(4)
"""What a grain touches besides grains; bucket box b is BOX + b. For a rock sphere the same, without ROCK."""
TOUCHES = wp.constant(8)
"""How many of these a grain may touch at once: floor, two walls, the rock, and four plates of the bucket. So for a rock
sphere."""
ROW = wp.constant(16)
"""Partners of a higher number that a grain may have: more than fit around it."""
PAIR_COLOURS = wp.constant(32)
"""More than the pairs around a grain need; the last is for what is left over, and one lane's."""
COLOURLESS = wp.constant(255)
"""Of a pair that has no colour yet."""


@wp.struct
class Params:
    """What all environments share."""

    diameter: float
    skin: float
    slop: float
    bias_rate: float
    softness: float
    push_speed: float
    iterations: int
    coloured: int
    """1 if pairs are visited colour by colour, as several lanes must; see colours.py."""
    max_grains: int
    max_contacts: int
    max_spheres: int
    max_rock_contacts: int
    nx: int
    ny: int
    nz: int
    cell: float
    boxes: int
    soil_bucket: int
    soil_rock: int
    rock_bucket: int
    bucket_low: wp.vec3
    bucket_high: wp.vec3
    sdf_nodes: int
    sleep_time: float


@wp.struct
class World:
    """What a reset sets and a step only reads; one entry per environment unless said otherwise."""

    count: wp.array(dtype=int)
    grain_mass: wp.array(dtype=float)
    half: wp.array(dtype=wp.vec2)
    floor: wp.array(dtype=float)
    rim: wp.array(dtype=float)
    strength: wp.array(dtype=float)
    """m, of the column of soil whose weight on a grain one of its contacts bears."""
    mu_soil: wp.array(dtype=float)
    mu_soil_rock: wp.array(dtype=float)
    mu_soil_bucket: wp.array(dtype=float)
    mu_rock_bucket: wp.array(dtype=float)
    mu_ground: wp.array(dtype=float)
    rock_mass: wp.array(dtype=float)
    rock_inertia: wp.array(dtype=wp.mat33)
    rock_force: wp.array(dtype=wp.vec3)
    rock_radius: wp.array(dtype=float)
    rock_held: wp.array(dtype=int)
    sphere_count: wp.array(dtype=int)
    sphere_radius: wp.array(dtype=float)
    sphere_centre: wp.array(dtype=wp.vec3)
    """(max_spheres) per environment, rock frame."""
    sdf: wp.array(dtype=float)
    """(sdf_nodes^3) per shape, in voxel edges."""
    sdf_half: wp.array(dtype=float)
    """Per environment, m: half the edge of the cube that the shape's table covers."""
    sdf_scale: wp.array(dtype=float)
    """Per environment, m: voxel edge."""
    sdf_first: wp.array(dtype=int)
    """Per environment: where the table of its rock's shape begins."""
    box_centre: wp.array(dtype=wp.vec3)
    """Per bucket box, bucket frame."""
    box_half: wp.array(dtype=wp.vec3)
    box_pitch: wp.array(dtype=float)


@wp.struct
class State:
    """What a step changes."""

    x: wp.array(dtype=wp.vec4)
    """m, position (3); the fourth makes it one piece, see packed.py."""
    motion: wp.array(dtype=wp.vec4)
    """m/s, velocity (3); of a sleeping grain what a change of load would have given it: it stands still. And s, for how
    long the grain has been slow; it sleeps, frozen as it is, once this reaches the sleep time."""
    x_listed: wp.array(dtype=wp.vec3)
    """Where each grain was when its pairs were listed."""
    rock_x: wp.array(dtype=wp.vec3)
    rock_q: wp.array(dtype=wp.quat)
    rock_v: wp.array(dtype=wp.vec3)
    rock_w: wp.array(dtype=wp.vec3)
    rock_bottom: wp.array(dtype=float)
    bucket: wp.array(dtype=wp.vec4)
    bucket_v: wp.array(dtype=wp.vec3)
    bucket_force: wp.array(dtype=wp.vec3)
    press: wp.array(dtype=float)
    """N s, sum of the impulses on each grain in a substep; of a sleeping one, when it fell asleep."""
    rock_quiet: wp.array(dtype=float)
    """s, for how long the rock has been slow; likewise."""
    rock_load: wp.array(dtype=wp.vec3)
    """m/s, the velocity that a change of load since it fell asleep would have given the rock in a substep."""
    soil_top: wp.array(dtype=float)
    """m, of the highest grain when the last one fell asleep."""
    stale: wp.array(dtype=int)
    """1 if the pairs must be listed afresh."""
    changed: wp.array(dtype=int)
    """1 if who is awake, or who is near whom, is no longer what `awake` and `active` say."""
    failed: wp.array(dtype=wp.uint8)
    overflow: wp.array(dtype=int)
    """Contacts dropped for want of room since the reset; 0 in a healthy run."""
    touch_half: wp.array(dtype=int)
    """Which half of the list of grains' other contacts is current."""
    rock_half: wp.array(dtype=int)
    """Likewise for the rock's contacts."""
    # Neighbour search.
    cell_start: wp.array(dtype=int)
    cell_of: wp.array(dtype=int)
    order: wp.array(dtype=int)
    x_sorted: wp.array(dtype=wp.vec4)
    """In this order: m, position (3), and number of a grain."""
    cell_moved: wp.array(dtype=int)
    cell_fill: wp.array(dtype=int)
    lane_force: wp.array(dtype=wp.vec3)
    """Of each lane: what is added up over all of them."""
    # Pairs of near grains: a row of ROW places for each grain, with its partners and their impulses on it.
    row_count: wp.array(dtype=int)
    pair_j: wp.array(dtype=int)
    pair_p: wp.array(dtype=wp.vec4)
    new_j: wp.array(dtype=int)
    """One row for each lane, the first of all, then the second of all: room to make another afresh, and one place more
    for what does not count."""
    new_p: wp.array(dtype=wp.vec4)
    new_colour: wp.array(dtype=wp.uint8)
    refill_count: wp.array(dtype=int)
    refill: wp.array(dtype=int)
    """The places in the order of the grains whose rows are made afresh."""
    # The colours of pairs: of each grain those that its pairs have, a bit for each, and whether some have none; the
    # places of pairs, colour by colour; where each colour begins in that list, and how much of it is filled.
    pairs_coloured: wp.array(dtype=int)
    """0 if the colours are not those of these rows."""
    pair_colour: wp.array(dtype=wp.uint8)
    taken: wp.array(dtype=int)
    colourless: wp.array(dtype=int)
    by_colour: wp.array(dtype=int)
    colour_start: wp.array(dtype=int)
    colour_fill: wp.array(dtype=int)
    """While pairs are coloured; then, how many of a colour's pairs are contacts."""
    # Who is awake, and in which rows is a pair of which at least one grain is.
    awake_count: wp.array(dtype=int)
    row_active: wp.array(dtype=int)
    # Contacts of this substep between grains, in the order of the rows or of the colours (those of a colour where its
    # pairs begin): of each, its place in the row, and the partner; normal and gap; the impulse, which goes back to the
    # row at the end.
    contact_end: wp.array(dtype=int)
    contact_pair: wp.array(dtype=int)
    contact_j: wp.array(dtype=int)
    contact_p: wp.array(dtype=wp.vec4)
    contact_n: wp.array(dtype=wp.vec4)
    # Contacts of grains with anything else, TOUCHES places for each grain, two halves (but of normal and gap).
    touch_count: wp.array(dtype=int)
    touch_key: wp.array(dtype=int)
    touch_n: wp.array(dtype=wp.vec4)
    touch_p: wp.array(dtype=wp.vec3)
    # The places of those with the rock.
    rock_place: wp.array(dtype=int)
    """Of each grain; -1 without."""
    by_rock_count: wp.array(dtype=int)
    by_rock: wp.array(dtype=int)
    """The grains that have one."""
    # What the rock's spheres touch, TOUCHES places for each: how many, which, with normal and gap.
    on_bucket: wp.array(dtype=int)
    """How many of these are of the bucket."""
    sphere_touches: wp.array(dtype=int)
    sphere_key: wp.array(dtype=int)
    sphere_n: wp.array(dtype=wp.vec4)
    # The same one after the other: contacts of the rock with pit and bucket, two halves.
    rock_contacts: wp.array(dtype=int)
    rock_key: wp.array(dtype=int)
    rock_n: wp.array(dtype=wp.vec4)
    rock_r: wp.array(dtype=wp.vec3)
    rock_p: wp.array(dtype=wp.vec3)


@wp.struct
class Rock:
    """The rock during a step. One that sleeps or is held has no inverse mass."""

    x: wp.vec3
    q: wp.quat
    v: wp.vec3
    w: wp.vec3
    inv_mass: float
    inv_inertia: wp.mat33
    """Soil frame."""
    awake: int
    load: wp.vec3


@wp.struct
class Bucket:
    """The bucket at the beginning of a substep."""

    pose: wp.vec4
    v: wp.vec4
    """m/s (3) and rad/s."""
    origin: wp.vec3
    cos: float
    sin: float


LISTS = ("refill", "taken", "colourless", "row_active", "rock_place", "by_rock")
ORDER = ("order", "x_sorted")
PER_GRAIN = ("x", "motion", "x_listed", "press", "cell_of", *ORDER, "row_count", *LISTS)
PER_PLACE = ("pair_j", "pair_p", "pair_colour")
PER_CONTACT = ("contact_pair", "contact_j", "contact_n", "contact_p", "by_colour")
PER_COLOUR = ("colour_start", "colour_fill")
PER_TOUCH_TWICE = ("touch_key", "touch_p")
PER_ROCK_CONTACT_TWICE = ("rock_key", "rock_n", "rock_r", "rock_p")
PER_BOX = ("box_centre", "box_half", "box_pitch")
PER_CELL = ("cell_start", "cell_moved", "cell_fill")
PER_LANE = ("lane_force",)
LANES_ROW = ("new_j", "new_p", "new_colour")
PER_SPHERE_TOUCH = ("sphere_key", "sphere_n")
SCRATCH = (
    *(*PER_CELL, "cell_of", *ORDER, *PER_LANE, *LANES_ROW, *LISTS),
    *("pair_colour", *PER_COLOUR, *PER_CONTACT, "touch_n", "sphere_touches", *PER_SPHERE_TOUCH),
)
"""What a step makes before it reads it."""
SHARED = (*PER_BOX, "sdf")
"""What all environments share."""


def sizes(prm: Params, environments: int, lanes: int) -> dict[str, int]:
    """Lengths of the arrays of `World` and `State` that are not one entry per environment."""
    per_environment = {
        PER_GRAIN: prm.max_grains,
        PER_PLACE: ROW * prm.max_grains,
        PER_CONTACT: prm.max_contacts,
        ("touch_count",): 2 * prm.max_grains,
        ("touch_n",): TOUCHES * prm.max_grains,
        PER_TOUCH_TWICE: 2 * TOUCHES * prm.max_grains,
        PER_ROCK_CONTACT_TWICE: 2 * prm.max_rock_contacts,
        ("rock_contacts",): 2,
        ("sphere_centre", "sphere_touches"): prm.max_spheres,
        PER_SPHERE_TOUCH: TOUCHES * prm.max_spheres,
        PER_CELL: prm.nx * prm.ny * prm.nz + 1,
        PER_COLOUR: PAIR_COLOURS + 1,
        PER_LANE: lanes,
        LANES_ROW: (ROW + 1) * lanes,
    }
    lengths = {name: size * environments for names, size in per_environment.items() for name in names}
    return {**lengths, **dict.fromkeys(PER_BOX, prm.boxes), "sdf": prm.sdf_nodes**3}
