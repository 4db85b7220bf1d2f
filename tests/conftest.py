"""Makes the helpers in this folder importable from every room's tests."""
