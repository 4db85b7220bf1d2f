"""The port only: accept, claim, append, renew, read, find, waiting."""
