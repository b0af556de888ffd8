"""Processing: the only place that begins a transaction.

A message moves through these steps; each row says what a crash there leaves behind and what the next run makes of it.

============================== ==================================================== ========================================
crash or failure               left behind                                          next run
============================== ==================================================== ========================================
archive away                   mail in the drop, ERROR logged, no receipt           as new
before T1 commits              mail in the drop, maybe an archived copy             as new; the digest finds the copy
in the handler, even SIGKILL   receipts of the chunk with attempts = n, no effect   again, each alone; after three starts:
                                                                                    failed, OOPS "gave up", not called
after T2, before delete        final receipt, mail in the drop                      sees the final receipt, only deletes
T2 fails (database away)       mail in the drop, attempt given back when the        again
                               database can be written
between STORE and EXPUNGE      our message is marked                                expunges its own UIDs only
after delete, before send      outbox row                                           sends: answers at least once, same
                                                                                    Message-ID
============================== ==================================================== ========================================

T1 is in `receiving`, T2 in `working`, the removal in `removing`, the outbox in `sending`. The order is the promise: the
bytes are durable before a receipt is open, the receipt is open before anybody parses, effect and outcome commit as one,
and only then does the mail leave its maildrop. The delete comes after the OOPS, because both the OOPS and the outcome
are in the commit: a mail that is gone from the maildrop has left a record.
"""
