"""Pure builders of what the simulator answers, one file per dialect."""
