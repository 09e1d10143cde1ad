"""Calls that try an upstream: stage by stage before it is saved, whole for its health, its list of models."""
