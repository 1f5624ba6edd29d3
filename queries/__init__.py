"""Curated queries: one ``.rq`` file each, and the catalogue that reads, binds and runs them."""
