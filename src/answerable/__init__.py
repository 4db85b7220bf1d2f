"""Answerable: infrastructure that agents are born inside."""
