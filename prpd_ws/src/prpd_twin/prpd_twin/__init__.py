"""Stands in for arm, soil box and camera: an emulated UR5e controller, a simulated soil box, a noisy depth camera."""
