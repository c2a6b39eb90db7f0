"""The status page: one look says whether all is well."""
