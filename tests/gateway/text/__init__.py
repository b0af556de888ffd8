"""What is posted of a mail, as text."""
