"""Who is speaking: parties by exact normalised identifiers; never a guess across channels."""
