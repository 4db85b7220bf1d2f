"""The fuse box: reads settings, picks adapters; the only place that knows all."""
