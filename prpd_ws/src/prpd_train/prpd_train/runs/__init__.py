"""Training runs: settings, folders that hold everything, stages that can be resumed."""
