"""Rails that come with the product."""
