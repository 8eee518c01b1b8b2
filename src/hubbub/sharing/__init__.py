"""What a server and a published site share: badges, the feed, and code to embed pictures."""
