"""The batched granular solver on NVIDIA Warp."""
