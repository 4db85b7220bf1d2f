"""What a governed interaction costs on this machine, where that goes, and what the floor would be.

`day` runs interactions through the real house in a home on disk, `sampler` looks where the
processor is, `floor` measures the same work with nothing around it.
"""
