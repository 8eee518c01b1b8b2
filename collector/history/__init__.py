"""The datagrepper client: requests, paging, retries and `gather`."""
