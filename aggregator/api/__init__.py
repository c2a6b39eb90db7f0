"""The REST API under /api/v1: typed handlers, and the document that describes them."""
