"""A chain that lives in database tables, for development and tests: it can do everything a real one does to us."""
