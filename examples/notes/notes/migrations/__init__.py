"""The history of the tables of notes, one file for each step; ``mailproc db upgrade`` runs them."""
