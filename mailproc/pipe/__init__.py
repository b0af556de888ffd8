"""The pipe of an MTA: a mail on standard input, and the exit status that says what becomes of it (sysexits.h).

An MTA bounces a mail on most statuses. So there are two kinds of ends here: what the mail itself has deserved, and status 75,
"come again", for everything else that may happen, our own misconfiguration included.
"""
