"""The committer: seals records into entries, proves, erases; calls the engine."""
