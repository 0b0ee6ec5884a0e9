"""The state of a fake simulation: what was built, the physics' own copy of the state, and the tensors that show it."""

from dataclasses import dataclass, field

import numpy as np

_last = []


def last():
    """The simulation that was created last, for tests to look into."""
    return _last[-1]


def forget():
    """Let another simulation be created in this process, as only a test may."""
    _last.clear()


@dataclass
class Actor:
    asset: object
    name: str
    group: int
    filter: int
    index: int
    first_body: int
    first_dof: int
    position: np.ndarray
    """In the environment's frame."""
    quaternion: np.ndarray
    dof_properties: np.ndarray = None


@dataclass
class Env:
    origin: np.ndarray
    actors: list = field(default_factory=list)
    closed: bool = False


class Sim:
    on_simulate = None
    """A test's `f(sim)`, called at the end of each `simulate`, that may move bodies or make contact forces."""

    def __init__(self, params):
        self.params = params
        self.envs = []
        self.plane = None
        self.prepared = self.destroyed = False
        self.simulated = self.fetched = 0
        self.calls = []
        """Names of all calls, in order."""
        self.since_step = []
        """Setters and refreshes since the last `simulate`."""
        self.pending = {}
        self.forces = None
        _last.append(self)

    @property
    def actors(self):
        return [actor for env in self.envs for actor in env.actors]

    def counts(self):
        """Of actors, bodies and DOFs so far."""
        last_actor = next((env.actors[-1] for env in reversed(self.envs) if env.actors), None)
        if last_actor is None:
            return 0, 0, 0
        bodies, dofs = len(last_actor.asset.bodies), len(last_actor.asset.joints)
        return last_actor.index + 1, last_actor.first_body + bodies, last_actor.first_dof + dofs

    def allocate(self):
        """Start the physics at the poses of creation."""
        actors, bodies, dofs = self.counts()
        self.root = np.zeros((actors, 13), np.float32)
        for env in self.envs:
            for actor in env.actors:
                self.root[actor.index, :3] = actor.position + env.origin
                self.root[actor.index, 3:7] = actor.quaternion
        self.dof = np.zeros((dofs, 2), np.float32)
        self.targets = np.zeros(dofs, np.float32)
        self.contact = np.zeros((bodies, 3), np.float32)
        self.shown = {}
        """Torch tensors by name, which the caller sees."""
        self.kept = {}
        """What the read-only ones of them held after the last refresh."""

    def advance(self):
        """One step: what was set takes effect; joints reach their targets."""
        for name, rows, values in self.pending.values():
            getattr(self, name)[rows] = values
        self.pending = {}
        dt = self.params.dt
        for actor in self.actors:
            if actor.asset.joints:
                rows = slice(actor.first_dof, actor.first_dof + len(actor.asset.joints))
                self.dof[rows, 1] = (self.targets[rows] - self.dof[rows, 0]) / dt
                self.dof[rows, 0] = self.targets[rows]
        self.simulated += 1
        self.since_step = []
        if self.on_simulate:
            self.on_simulate(self)
