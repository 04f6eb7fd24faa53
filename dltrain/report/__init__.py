"""Records to tables and progress in a terminal, and to one HTML page. The only room that imports rich or jinja2."""
