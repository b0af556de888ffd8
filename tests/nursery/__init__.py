"""Processes of mailproc that are born with all of its modules: forked from one that has imported them, and done nothing else.

To start Python and import what a run needs takes half a second, and the tests make many hundred runs. Each is a process of its
own all the same, with its own folder, environment, terminal and end. That the program starts from nothing is shown by
``tests/test_startup.py``, ``tests/test_readme.py`` and ``tests/cli/test_cli_exit_status.py``.
"""
