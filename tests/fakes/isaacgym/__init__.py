"""NOT Isaac Gym: a recording fake, for tests only, that holds its caller to Isaac Gym's documented rules.

It has no physics: bodies stay where they are put, and the joints of a driven actor are at their targets one step
later. What it has is the rules, each of which raises `rules.RuleBroken` here where the real thing crashes, hangs, drops
the call or goes on with wrong numbers. `sim.last()` gives a test all that was built and called.
"""

FAKE = True

from isaacgym import gymapi  # noqa: E402, F401
