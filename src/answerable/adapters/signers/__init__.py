"""Who signs checkpoints: a key in a file today; an HSM or a KMS behind the same port."""
