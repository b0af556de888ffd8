"""A bug tracker that is worked by mail: an example of commands for mailproc."""
