"""Pictures of scenes, without a display or a GPU."""
