"""Published sets: read, and fetched where asked for."""
