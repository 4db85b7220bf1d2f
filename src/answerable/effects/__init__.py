"""What we do to the world: the outbox, idempotency, unknowns, reconciliation."""
