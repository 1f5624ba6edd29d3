"""REDCap projects: CSV, dictionary, XML, server."""
