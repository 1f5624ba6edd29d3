"""Every door of the warehouse: the command line, HTTP endpoints and web pages."""
