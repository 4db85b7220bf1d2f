"""What people look at: rows that may lag, in a file of their own that may be dropped."""
