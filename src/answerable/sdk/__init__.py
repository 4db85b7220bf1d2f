"""The words that an agent author writes; re-exported as `answerable.Agent` and so on."""
