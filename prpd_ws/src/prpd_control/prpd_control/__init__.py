"""Bucket driver of the UR5e, policy runtime, excavation action server, batches of trials."""
