"""What plugins keep beside their documents: a cache and files, in the store's folder `plugins`."""
