"""The fake `Gym`: the part that runs a simulation through tensors."""

import numpy as np

from isaacgym.building import Building
from isaacgym.rules import rule
from isaacgym.structs import Tensor

POSITION_DRIVE = 1
WRITABLE = ("root", "dof")


class Gym(Building):
    def acquire_actor_root_state_tensor(self, sim):
        return self._acquire(sim, "root")

    def acquire_dof_state_tensor(self, sim):
        return self._acquire(sim, "dof")

    def acquire_net_contact_force_tensor(self, sim):
        rule(sim.params.physx.contact_collection != "CC_NEVER", "contact forces are zero with CC_NEVER")
        return self._acquire(sim, "contact")

    def refresh_actor_root_state_tensor(self, sim):
        return self._refresh(sim, "root")

    def refresh_dof_state_tensor(self, sim):
        return self._refresh(sim, "dof")

    def refresh_net_contact_force_tensor(self, sim):
        return self._refresh(sim, "contact")

    def set_actor_root_state_tensor_indexed(self, sim, state, indices, count):
        rows = self._rows(sim, "set_actor_root_state_tensor_indexed", indices, count)
        values = self._values(state, "float32", sim.root.shape)[rows]
        norms = np.linalg.norm(values[:, 3:7], axis=1)
        rule(np.allclose(norms, 1, atol=1e-3), "a root state whose quaternion is not of unit length")
        fixed = {actor.index for actor in sim.actors if actor.asset.options.fix_base_link}
        rule(not fixed & set(rows.tolist()), "a root state for an actor that is fixed")
        sim.pending["root"] = ("root", rows, values)
        return True

    def set_dof_state_tensor_indexed(self, sim, state, indices, count):
        rows = self._rows(sim, "set_dof_state_tensor_indexed", indices, count)
        values = self._values(state, "float32", sim.dof.shape)
        dofs = np.concatenate([self._dofs(sim, row) for row in rows])
        sim.pending["dof"] = ("dof", dofs, values[dofs])
        return True

    def set_dof_position_target_tensor(self, sim, targets):
        self._setter(sim, "set_dof_position_target_tensor")
        values = self._values(targets, "float32", sim.targets.shape)
        modes = {int(mode) for actor in sim.actors for mode in actor.dof_properties["driveMode"]}
        rule(modes == {POSITION_DRIVE}, "position targets for joints without DOF_MODE_POS")
        sim.pending["targets"] = ("targets", slice(None), values)
        return True

    def apply_rigid_body_force_tensors(self, sim, forceTensor=None, torqueTensor=None, space="ENV_SPACE"):  # noqa: N803
        self._setter(sim, "apply_rigid_body_force_tensors")
        sim.forces = self._values(forceTensor, "float32", sim.contact.shape)
        return True

    def simulate(self, sim):
        sim.calls.append("simulate")
        rule(sim.prepared and not sim.destroyed, "simulate before prepare_sim or after destroy_sim")
        self._untouched(sim)
        for descriptor in self._handed_over:
            rule(descriptor.reference() is not None, "a tensor was let go before the step that it was handed over for")
        self._handed_over = []
        sim.advance()

    def fetch_results(self, sim, wait):
        sim.calls.append("fetch_results")
        rule(wait is True, "fetch_results without waiting")
        sim.fetched = sim.simulated

    def destroy_sim(self, sim):
        rule(not sim.destroyed, "destroy_sim a second time")
        sim.destroyed = True

    _handed_over = ()

    def _acquire(self, sim, name):
        import torch

        sim.calls.append(f"acquire_{name}")
        rule(sim.prepared, f"the {name} tensor was acquired before prepare_sim")
        # Zeros: a tensor says nothing before its first refresh.
        sim.shown[name] = torch.zeros(getattr(sim, name).shape)
        if name not in WRITABLE:
            sim.kept[name] = sim.shown[name].numpy().copy()
        descriptor = Tensor()
        descriptor.shape, descriptor.dtype = tuple(sim.shown[name].shape), "float32"
        descriptor.reference = lambda: sim.shown[name]
        return descriptor

    def _refresh(self, sim, name):
        call = f"refresh_{name}"
        sim.calls.append(call)
        rule(name in sim.shown, f"{call} before it was acquired")
        rule(call not in sim.since_step, f"{call} a second time since the last step")
        setters = [done for done in sim.since_step if not done.startswith("refresh")]
        rule(not setters, f"{call} after {setters} shows stale values until the next step")
        rule(
            sim.params.use_gpu_pipeline or sim.fetched == sim.simulated,
            f"{call} before fetch_results, on the CPU pipeline",
        )
        sim.since_step.append(call)
        self._untouched(sim, name)
        sim.shown[name].numpy()[:] = getattr(sim, name)
        if name in sim.kept:
            sim.kept[name] = sim.shown[name].numpy().copy()
        return True

    def _untouched(self, sim, only=None):
        for name, kept in sim.kept.items():
            if only in (None, name):
                same = np.array_equal(sim.shown[name].numpy(), kept, equal_nan=True)
                rule(same, f"the {name} tensor is read-only and was written to")

    def _setter(self, sim, call):
        sim.calls.append(call)
        rule(sim.prepared and not sim.destroyed, f"{call} before prepare_sim or after destroy_sim")
        rule(call not in sim.since_step, f"{call} a second time before a step: only one call takes effect")
        sim.since_step.append(call)

    def _values(self, descriptor, dtype, shape):
        tensor = descriptor.reference()
        rule(tensor is not None, "a tensor was let go before the call that it was unwrapped for")
        rule(descriptor.dtype == dtype, f"{dtype} is expected, not {descriptor.dtype}")
        rule(
            tuple(descriptor.shape) == tuple(shape),
            f"the full tensor {tuple(shape)} is expected, not {descriptor.shape}",
        )
        self._handed_over = [*self._handed_over, descriptor]
        return tensor.numpy().copy()

    def _rows(self, sim, call, indices, count):
        self._setter(sim, call)
        rows = self._values(indices, "uint32", (count,)).astype(int)
        rule(count > 0, f"{call} without actors")
        rule(len(set(rows.tolist())) == count, f"{call} names an actor twice")
        rule(
            rows.min() >= 0 and rows.max() < len(sim.root),
            f"{call}: an index is no actor's: {rows.min()}..{rows.max()}",
        )
        return rows

    def _dofs(self, sim, row):
        actor = next(actor for actor in sim.actors if actor.index == row)
        rule(
            actor.asset.joints,
            f"actor {row} ({actor.name}) has no joints; this call takes indices of actors, not of DOFs",
        )
        return np.arange(actor.first_dof, actor.first_dof + len(actor.asset.joints))
