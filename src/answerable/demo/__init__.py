"""The production day: arrivals, an outside that fails, scripted people, the report."""
