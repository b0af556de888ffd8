"""Watching the maildrops: `mailproc handle` that does not wait for cron.

Two processes. The *ears* have a thread for each maildrop, which waits for news there and tells them by a pipe. The main
process has one thread; for news it makes an ordinary `mailproc.run.Run`, with the lock and the supervised worker that cron's
runs have, so that all promises hold as they do there.
"""
