"""Isaac Gym's plain structs, with those fields that PhysX scenes use; like the real ones they refuse others."""

from isaacgym.rules import RuleBroken

UNSET = object()


class Struct:
    fields = {}

    def __init__(self):
        for name, value in self.fields.items():
            object.__setattr__(self, name, value() if callable(value) else value)

    def __setattr__(self, name, value):
        if name not in self.fields:
            raise RuleBroken(f"{type(self).__name__} has no field {name!r}")
        object.__setattr__(self, name, value)

    def unset(self):
        return [name for name in self.fields if getattr(self, name) is UNSET]


class Vec3(Struct):
    fields = {"x": 0.0, "y": 0.0, "z": 0.0}

    def __init__(self, x=0.0, y=0.0, z=0.0):
        self.x, self.y, self.z = (float(v) for v in (x, y, z))

    def numbers(self):
        return self.x, self.y, self.z


class Quat(Struct):
    fields = {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0}

    def __init__(self, x=0.0, y=0.0, z=0.0, w=1.0):
        self.x, self.y, self.z, self.w = (float(v) for v in (x, y, z, w))

    def numbers(self):
        return self.x, self.y, self.z, self.w


class Transform(Struct):
    fields = {"p": Vec3, "r": Quat}

    def __init__(self, p=None, r=None):
        self.p, self.r = p or Vec3(), r or Quat()


class PhysXParams(Struct):
    fields = dict.fromkeys(
        [
            "solver_type",
            "num_position_iterations",
            "num_velocity_iterations",
            "contact_offset",
            "rest_offset",
            "bounce_threshold_velocity",
            "max_depenetration_velocity",
            "friction_offset_threshold",
            "friction_correlation_distance",
            "num_threads",
            "num_subscenes",
            "max_gpu_contact_pairs",
            "default_buffer_size_multiplier",
            "contact_collection",
            "use_gpu",
        ],
        UNSET,
    )
    fields["always_use_articulations"] = False


class SimParams(Struct):
    fields = {
        "dt": UNSET,
        "substeps": UNSET,
        "up_axis": UNSET,
        "gravity": UNSET,
        "use_gpu_pipeline": UNSET,
        "num_client_threads": 0,
        "physx": PhysXParams,
    }


class PlaneParams(Struct):
    fields = {
        "normal": lambda: Vec3(0.0, 1.0, 0.0),
        "distance": UNSET,
        "static_friction": UNSET,
        "dynamic_friction": UNSET,
        "restitution": UNSET,
        "segmentation_id": 0,
    }


class AssetOptions(Struct):
    fields = {
        "angular_damping": 0.5,
        "armature": 0.0,
        "collapse_fixed_joints": False,
        "convex_decomposition_from_submeshes": False,
        "density": 1000.0,
        "disable_gravity": False,
        "enable_gyroscopic_forces": True,
        "fix_base_link": False,
        "linear_damping": 0.0,
        "max_angular_velocity": 64.0,
        "max_linear_velocity": 1000.0,
        "override_com": False,
        "override_inertia": False,
        "thickness": 0.02,
        "vhacd_enabled": False,
    }


class RigidShapeProperties(Struct):
    fields = {
        "compliance": 0.0,
        "contact_offset": 0.02,
        "filter": 0,
        "friction": 1.0,
        "rest_offset": 0.001,
        "restitution": 0.0,
        "rolling_friction": 0.0,
        "thickness": 0.0,
        "torsion_friction": 0.0,
    }
    flex_only = ("compliance", "rolling_friction", "thickness", "torsion_friction")


class RigidBodyProperties(Struct):
    fields = {"mass": 0.0, "com": Vec3, "flags": 0}


class Tensor(Struct):
    """A descriptor. The real one holds an address; this one a weak reference, so that a tensor let go is noticed."""

    fields = {"device": 0, "dtype": None, "shape": (), "own_data": False, "reference": None}
