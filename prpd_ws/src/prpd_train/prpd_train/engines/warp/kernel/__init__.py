"""The granular solver in Warp's language: all that runs on CPU and GPU alike; `advance.py` is where to begin."""
