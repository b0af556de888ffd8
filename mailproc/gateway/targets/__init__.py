"""What is posted to: Zulip by its REST API, and webhooks; both by HTTP that is bounded in time and size."""
