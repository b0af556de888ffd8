"""Mail that is posted in a chat."""
