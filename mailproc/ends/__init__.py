"""The handlers that come with mailproc: they take a mail in and give it away.

``sink`` takes it and keeps nothing, ``debug`` shows it, ``maildir`` delivers it, ``relay`` hands it on. All of them take mail
from anybody, so that what a domain drops (``drop``) and trusts is the operator's to say.
"""
