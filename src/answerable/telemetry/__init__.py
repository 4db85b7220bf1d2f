"""Traces and metrics out; today, how long each stage takes."""
