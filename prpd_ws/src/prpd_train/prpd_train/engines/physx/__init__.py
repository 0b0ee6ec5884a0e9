"""PhysX 5 on the CPU, through SAPIEN: rigid cubes, as in the paper."""
