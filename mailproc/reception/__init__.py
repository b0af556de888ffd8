"""What the doors of `mailproc serve` do with mail: whom they take it for, and what becomes of it before the reply.

``inline`` has the whole pipeline run before the reply, in worker processes of its own; ``spool`` makes the mail durable in the
archive and the ledger, and a run takes it from there. Either way a 250 is never said of mail that a power cut could take.
"""
