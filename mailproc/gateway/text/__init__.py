"""What a mail says, as a chat may show it: chosen, made harmless and fitted to a length."""
