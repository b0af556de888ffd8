"""The migrations of the tables; `mailproc db upgrade` runs them."""
