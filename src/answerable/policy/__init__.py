"""What is allowed: Cedar in, verdict out; pure."""
