"""What entries are in the words of others: COSE receipts, PROV, OCSF, CSV. Pure: entries in, bytes
out."""
