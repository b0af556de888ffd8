"""The services that mail is posted to, on loopback."""
