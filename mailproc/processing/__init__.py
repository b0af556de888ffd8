"""Processing: the transactions in which a message is worked.

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
in a transaction with a relay  outbox rows of all its recipients                    sends once more to those of whom no
                                                                                    reply was noted; the same bytes
in an errand                   errand row with starts = n, and its progress         again, told that it is uncertain; after
                                                                                    three starts: failed, OOPS
============================== ==================================================== ========================================

At a door the client has the mail until it has heard a 250, and comes again when it has not:

================================================== =================================== ====================================
crash or failure                                   left behind                         when the client comes again
================================================== =================================== ====================================
inline: the worker dies anywhere before the reply  no effect, or effect and outcome    worked again, or the same reply
                                                   together; the client hears 451
spool: the door dies before its 250                maybe an archived copy, maybe a     one receipt, worked once
                                                   receipt, which the next run works
================================================== =================================== ====================================

T1 is in `receiving`, T2 in `working`, the removal in `removing`, the outbox in `sending`, errands in `performing`. The order
is the promise: the bytes are durable before a receipt is open, the receipt is open before anybody parses, effect and
outcome commit as one, and only then does the mail leave its maildrop. The delete comes after the OOPS, because both the
OOPS and the outcome are in the commit: a mail that is gone from the maildrop has left a record.

What is taken over before it is worked, by a door that spools or by `mailproc inject`, has its receipts opened by a commit of
`mailproc.reception.spool`. Nobody else commits a step of a message.
"""
