"""The management API of models, `/api/v1/models` and what stands beside it."""
