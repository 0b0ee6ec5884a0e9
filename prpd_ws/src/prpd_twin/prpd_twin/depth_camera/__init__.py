"""A virtual depth camera: what a stereo camera above the soil box would see of the soil world."""
