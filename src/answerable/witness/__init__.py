"""A witness: watches that logs only grow, and signs that they do. A process without a home."""
