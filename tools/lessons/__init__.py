"""The lessons of the notes, run: `python -m tools.lessons` (or `make lessons`) runs them and writes docs/notes.md.

Each `section_*.py` holds the lessons of one section: what it teaches, where dltrain has it, the config or command that
shows it, and a function that runs it and says what came out. Nothing is rounded in its favour: a claim that does not
hold in our runs is said not to, and the test of the lesson expects it.
"""
