"""The ways a model comes in: by hand, from a curl command, an upstream's list, a catalog, a file, or as a copy."""
