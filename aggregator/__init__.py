"""Serve business metrics, every worker in one scrape, the API and the status page."""
