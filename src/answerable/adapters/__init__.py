"""What plugs in: rails/ connectors/ engines/ models/ signers/."""
