"""What may speak for us: agents, their immutable releases, their tools, and the stop."""
