"""The history of the tables of titles, one file for each step; ``mailproc db upgrade`` runs them."""
