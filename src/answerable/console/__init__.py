"""What people look at: pages rendered here, each answering one question."""
