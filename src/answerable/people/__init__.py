"""Who answers: persons of the company, and who accepted to own which agent."""
