"""From a depth image to the state of the rock in the soil."""
