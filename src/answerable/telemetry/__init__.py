"""Traces and metrics out; today: how long each stage takes, and what a log may say."""
