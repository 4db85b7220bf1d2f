"""What was said: cases, messages, and the lease that says who speaks."""
