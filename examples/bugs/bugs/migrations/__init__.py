"""The history of the tables of bugs, one file for each step; ``mailproc db upgrade`` runs them."""
