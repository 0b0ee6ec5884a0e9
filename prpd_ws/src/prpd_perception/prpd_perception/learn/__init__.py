"""How the detector's network is made: needs torch and the virtual depth camera, which running it does not."""
