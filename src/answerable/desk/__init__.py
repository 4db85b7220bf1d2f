"""Where people answer: escalations and their queues, approvals of held effects."""
