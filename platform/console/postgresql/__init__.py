"""Django's PostgreSQL backend, with connections that outlive the request they were opened for: see `base`."""
