"""Callers who speak DashScope's own language: its requests become canonical ones, canonical answers become its own."""
