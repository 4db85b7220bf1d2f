"""Old bodies and bundles put away: what may go, written and verified before anything goes."""
