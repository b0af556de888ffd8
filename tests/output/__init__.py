"""What reaches terminals, logs and mails of ours when a mail attacks whoever looks at it."""
