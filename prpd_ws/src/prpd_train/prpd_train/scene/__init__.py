"""The simulation generator: excavation scenes of any resolution as pure data."""
