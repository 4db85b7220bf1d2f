"""Models behind one face; vendor names stand here and nowhere above."""
