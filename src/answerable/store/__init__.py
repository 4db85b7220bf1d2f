"""The SQLite file, projections, the key store."""
