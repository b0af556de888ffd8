"""A whole run to look at: a Maildir, SQLite, a throw-away GnuPG home, and eight mails of the usual kinds."""
